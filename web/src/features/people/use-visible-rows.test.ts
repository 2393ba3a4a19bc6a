import { expect, test } from "vitest";
import { ALL_UP_TO, ROW_HEIGHT, visibleRows } from "./use-visible-rows";

test("a list that is not long is drawn whole", () => {
  expect(visibleRows(ALL_UP_TO, 5_000, 600)).toEqual({ first: 0, end: ALL_UP_TO });
});

test("of a long list every row in sight is drawn, wherever it is scrolled, and not many more", () => {
  const [count, height] = [1_000, 600];
  for (let scrolled = 0; scrolled <= count * ROW_HEIGHT - height; scrolled += 37) {
    const { first, end } = visibleRows(count, scrolled, height);
    expect(first * ROW_HEIGHT).toBeLessThanOrEqual(scrolled);
    expect(end * ROW_HEIGHT).toBeGreaterThanOrEqual(scrolled + height);
    expect(end - first).toBeLessThan(50);
  }
});

test("a list that became shorter than where it was scrolled to still shows its end", () => {
  const { first, end } = visibleRows(150, 900 * ROW_HEIGHT, 600);
  expect(end).toBe(150);
  expect(first).toBeLessThan(150);
});
