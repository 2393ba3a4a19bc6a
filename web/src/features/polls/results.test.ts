import { expect, test } from "vitest";
import { participantId } from "../../wire/types";
import { percent, resultCsv, resultText } from "./results";

const poll = {
  id: "p",
  question: "Lunch, anyone?",
  options: [
    { id: 1, text: "Soup" },
    { id: 2, text: "=SUM(A1)" },
  ],
  running: false,
  createdAt: 0,
  multiple: true,
  anonymous: false,
  live: false,
  responses: 2,
};
const result = { total: 2, counts: new Map([[1, 2]]) };
const words = {
  question: "Question",
  option: "Option",
  votes: "Votes",
  name: "Name",
  answers: "Chosen",
};

test("nobody is no share of anything", () => {
  expect(percent(0, 0)).toBe(0);
  expect(percent(1, 3)).toBe(33);
});

test("a table holds counts and names, and no formula", () => {
  const ana = { id: participantId("ana"), name: 'Ana "A"', option: 1 };
  expect(resultCsv(poll, result, [ana, { ...ana, option: 2 }], words).split("\r\n")).toEqual([
    'Question,"Lunch, anyone?"',
    "",
    "Option,Votes",
    "Soup,2",
    "'=SUM(A1),0",
    "",
    "Name,Chosen",
    '"Ana ""A""",Soup; =SUM(A1)',
  ]);
});

test("an anonymous poll has counts only", () => {
  expect(resultCsv(poll, result, [], words)).not.toContain("Name");
});

test("a result in the chat is a line for each answer", () => {
  expect(resultText(poll, result, "Poll")).toBe("Poll\nSoup: 2 (100 %)\n=SUM(A1): 0 (0 %)");
});
