import { expect, test } from "vitest";
import { colourOf, initialsOf } from "./avatar";

test.each([
  ["Ana", "A"],
  ["ana maria lópez", "A\u200cL"],
  ["  ", "?"],
  ["👩‍💻 Dev", "👩\u200cD"],
  ["سارة", "س"],
])("%s is shown as %s", (name, initials) => expect(initialsOf(name)).toBe(initials));

test("the same person has the same colour everywhere", () => {
  expect(colourOf("ana")).toBe(colourOf("ana"));
  expect(colourOf("ana")).toBeLessThan(6);
});
