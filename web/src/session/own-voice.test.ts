import { expect, test } from "vitest";
import { createVoiceJudge } from "./own-voice";

/** Feeds one sample every 100 ms and returns what was found at which time. */
function judge(...stretches: readonly [level: number, muted: boolean, ms: number][]) {
  const hear = createVoiceJudge();
  const found: [number, string][] = [];
  let now = 0;
  for (const [level, muted, ms] of stretches) {
    for (const end = now + ms; now < end; now += 100) {
      const finding = hear({ level, muted, now });
      if (finding) found.push([now, finding]);
    }
  }
  return found;
}

test("talking while muted is noticed after a moment, not at a cough", () => {
  expect(judge([0.5, true, 400], [0.01, true, 400])).toEqual([]);
  expect(judge([0.5, true, 900])).toEqual([[600, "talking-while-muted"]]);
});

test("talking while heard is nobody's business", () => {
  expect(judge([0.9, false, 5_000])).toEqual([]);
});
