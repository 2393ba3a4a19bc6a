import { expect, test } from "vitest";
import { getI18n } from "react-i18next";
import { refusalText } from "./refusal-text";

test.each([
  ["only admin can perform this task", "Only hosts can do this."],
  ["locked by a moderator", "A host has locked this. Raise your hand to ask for it."],
  [
    "can't create more than 6 breakout rooms",
    "This meeting may have at most 6 breakout rooms at a time. End some first.",
  ],
  [
    "breakout room's duration (90) can't be more than parent room's remaining duration (12)",
    "The rooms cannot outlast the meeting, which ends in 12 minutes. Choose fewer minutes, or make the meeting longer first.",
  ],
])("%s is said in our words", (reason, words) => {
  const text = refusalText(reason, "host.failed");
  if (!("key" in text)) throw new Error("not known");
  expect(getI18n().t(text.key as "host.failed", { ...text.values })).toBe(words);
});

test("what the server gives no reason for, or a new one, is still said", () => {
  expect(refusalText("", "host.failed")).toEqual({ key: "host.failed" });
  expect(refusalText("the moon is full", "host.failed")).toEqual({ plain: "the moon is full" });
});
