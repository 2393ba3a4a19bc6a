import { expect, test } from "vitest";
import { deviceProblem } from "./devices";

test.each([
  ["NotAllowedError", "denied"],
  ["NotFoundError", "missing"],
  ["NotReadableError", "busy"],
])("%s means %s", (name, problem) => {
  expect(deviceProblem(Object.assign(new Error("x"), { name }))).toBe(problem);
});
