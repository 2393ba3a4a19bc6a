import { expect, test } from "vitest";
import { alike } from "./alike";

const list = [1];
const run = () => undefined;

test.each([
  [true, 1, 1],
  [true, { a: 1, in: { b: null, run, list } }, { a: 1, in: { b: null, run, list } }],
  [false, { a: 1 }, { a: 2 }],
  [false, { a: 1 }, { a: 1, b: undefined }],
  [false, { a: undefined }, { b: undefined }],
  [false, { in: { b: 1 } }, { in: { b: 2 } }],
  [false, { list }, { list: [1] }],
  [false, { run }, { run: () => undefined }],
  [false, new Map(), new Map()],
  [false, {}, null],
])("that they are alike is %s", (expected, a, b) => {
  expect(alike(a, b)).toBe(expected);
});
