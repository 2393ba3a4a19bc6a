import { expect, test } from "vitest";
import { addressFrom, foreignHost } from "./address";

const OURS = "https://meet.example";

test("our own files need no consent, others name the host that is asked", () => {
  expect(foreignHost("/download/uploadedFile/a/b.mp4", OURS)).toBeNull();
  expect(foreignHost("https://meet.example/x.mp4", OURS)).toBeNull();
  expect(foreignHost("https://films.example/x.mp4", OURS)).toBe("films.example");
});

test.each([
  ["https://films.example/x.mp4", true],
  ["  https://films.example/x.mp4 ", true],
  ["http://films.example/x.mp4", false],
  ["https://user@films.example/x.mp4", false],
  ["films.example/x.mp4", false],
  ["javascript:alert(1)", false],
])("%s", (typed, ok) => expect(addressFrom(typed) !== null).toBe(ok));
