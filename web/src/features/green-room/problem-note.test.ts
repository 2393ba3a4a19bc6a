import { expect, test } from "vitest";
import { deviceProblem } from "../../session/devices";
import { browserHelp } from "./problem-note";

test.each([
  ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "howFirefox"],
  ["Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15", "howSafari"],
  ["Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "howChromium"],
])("the explanation fits the browser: %s", (agent, help) => expect(browserHelp(agent)).toBe(help));

test.each([
  ["NotAllowedError", "denied"],
  ["NotFoundError", "missing"],
  ["NotReadableError", "busy"],
])("%s means %s", (name, problem) => {
  expect(deviceProblem(Object.assign(new Error("x"), { name }))).toBe(problem);
});
