import { expect, test } from "vitest";
import { loudness } from "./level";

test("silence is zero and shouting is one", () => {
  expect(loudness(new Float32Array(64))).toBe(0);
  expect(loudness(new Float32Array(64).fill(1))).toBe(1);
  expect(loudness(new Float32Array(0))).toBe(0);
});
