import { expect, test } from "vitest";
import { clockFace, clockText } from "./clock";

test.each([
  [0, "0:00"],
  [65, "1:05"],
  [3_599, "59:59"],
  [3_661, "1:01:01"],
])("%i seconds read %s", (seconds, text) => expect(clockText(seconds)).toBe(text));

test("nothing is shown before the meeting has started", () => {
  expect(clockFace(0, 60, 5_000)).toBeNull();
});

test("a meeting without a limit counts up", () => {
  expect(clockFace(100, 0, 190_000)).toEqual({ kind: "elapsed", text: "1:30" });
});

test("a limited meeting counts down only in its last hour", () => {
  expect(clockFace(100, 120, 100_000)).toMatchObject({ kind: "elapsed" });
  expect(clockFace(100, 120, (100 + 3_600) * 1000)).toEqual({ kind: "left", text: "1:00:00" });
  expect(clockFace(100, 30, (100 + 7_200) * 1000)).toEqual({ kind: "left", text: "0:00" });
});
