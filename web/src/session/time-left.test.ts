import { expect, test } from "vitest";
import { secondsLeft, warningBetween } from "./time-left";

test("a meeting without a limit, or not begun, has no end", () => {
  expect(secondsLeft(0, 60, 5_000)).toBeNull();
  expect(secondsLeft(100, 0, 5_000)).toBeNull();
  expect(secondsLeft(100, 1, 130_000)).toBe(30);
});

test.each([
  ["an hour", 3_601, 3_600, 60],
  ["half an hour", 1_804, 1_799, 30],
  ["ten minutes", 601, 596, 10],
  ["five minutes", 303, 298, 5],
  ["only the last after a long sleep", 4_000, 250, 5],
  ["nothing in between", 1_200, 1_195, null],
  ["nothing on entering, however late", null, 250, null],
  ["nothing when it was made longer", 250, 3_500, null],
  ["nothing when it is over", 400, 0, null],
])("warns of %s", (_, before, now, expected) => expect(warningBetween(before, now)).toBe(expected));
