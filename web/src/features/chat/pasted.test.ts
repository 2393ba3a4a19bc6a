import { expect, test } from "vitest";
import { filesOf } from "./pasted";

const pasted = (text: string, ...names: readonly string[]) =>
  filesOf({
    files: names.map((name) => new File(["x"], name)) as unknown as FileList,
    getData: (type) => (type === "text/plain" ? text : ""),
  }).map(({ name }) => name);

test("words win over the picture of them that comes along", () => {
  expect(pasted("Name\tSum\r\nAna\t3", "image.png")).toEqual([]);
});

test("a picture alone is a file", () => {
  expect(pasted("", "image.png")).toEqual(["image.png"]);
});

test.each([
  "report.pdf",
  "/home/ana/report.pdf",
  "C:\\Users\\Ana\\report.pdf",
  "file:///home/ana/report.pdf\r\n",
])("copied files stay files where their names come along: %s", (text) => {
  expect(pasted(text, "report.pdf")).toEqual(["report.pdf"]);
});

test("an address in the clipboard is read as it is written there", () => {
  expect(pasted("file:///home/ana/my%20report.pdf", "my report.pdf")).toEqual(["my report.pdf"]);
  expect(pasted("file:///home/ana/100%.pdf", "100%.pdf")).toEqual(["100%.pdf"]);
});
