import { expect, test } from "vitest";
import { pollWith } from "../../../tests/values";
import { percent, resultText } from "./results";

const poll = pollWith({
  question: "Lunch, anyone?",
  options: [
    { id: 1, text: "Soup" },
    { id: 2, text: "=SUM(A1)" },
  ],
  running: false,
  responses: 2,
});
const result = { total: 2, counts: new Map([[1, 2]]) };

test("nobody is no share of anything", () => {
  expect(percent(0, 0)).toBe(0);
  expect(percent(1, 3)).toBe(33);
});

test("a result in the chat is a line for each answer", () => {
  expect(resultText(poll, result, "Poll")).toBe("Poll\nSoup: 2 (100 %)\n=SUM(A1): 0 (0 %)");
});
