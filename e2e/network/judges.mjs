// Whether what arrived over a stretch of a meeting is good enough; see `arrivalOver` for what there is of it.
import assert from "node:assert/strict";

/** In one stretch of so many everything has to be within bounds. */
const STRETCHES = 4;

/**
 * The most of a voice that may be made up on a line that loses nothing, 0 to 1. Up to 1.1 % were seen where the machine had
 * too much to do; a line too narrow for the voices loses many times that.
 */
const CONCEALED_MOST = 0.03;
/**
 * The same of all voices of which something was lost, where that is 5 %. 0.5 to 2.3 % were seen, because the repeated sound (RED)
 * comes 20 ms later, which is not always in time; without any repair it were 5 % and more.
 */
const CONCEALED_MOST_LOSSY = 0.04;
/** And of each of those, so that none is broken behind others that are well. */
const CONCEALED_MOST_EACH = 0.08;
/** The least energy a second of a voice that hums all the time: 1 is sent, and what is made up for long is silence. */
const LOUDNESS_LEAST = 0.5;
/** The least pictures a second. Cameras give 10; 8.7 and more were seen unless the machine had too much to do. */
const RATE_LEAST = 5;
/** The largest share of time that a picture may be frozen. Usually under 10 % with loss; 21 % were seen while a line became narrow. */
const FROZEN_MOST = 0.35;
/** The longest time without a new picture, in seconds. Usually under one. */
const STILL_MOST_S = 3;

/**
 * Looks at one stretch after the other, as `arrive` gives them, one list of streams for each person, until one has everything within
 * bounds, and gives that. Two cores decode for three browsers, and other work may be in the way; so it need not be the first. The
 * voices and the pictures have to be within bounds at once, because one of them may be well at the cost of the others.
 *
 * Of the pictures only the best one of each, because the server takes a browser that is late for one behind a narrow line, and leaves
 * pictures out.
 */
export async function untilGood(what, arrive) {
  for (let stretch = 1; ; stretch += 1) {
    const arrived = await arrive();
    const broken = [...badVoices(arrived), ...badPictures(arrived)];
    if (broken.length === 0) return arrived;
    assert.ok(stretch < STRETCHES, `${what}: ${broken.join("; ")}`);
  }
}

export const ofKind = (streams, kind) => streams.filter((stream) => stream.kind === kind);

/** What they hear that is out of bounds. */
function badVoices(arrived) {
  const found = badRepair(arrived);
  for (const streams of arrived) {
    const heard = ofKind(streams, "audio");
    if (heard.length !== arrived.length - 1) found.push(`${heard.length} voices`);
    for (const { lost, concealed, loudness } of heard) {
      // The browser takes back what comes late after all, so that it may be less than none over a stretch.
      if (lost <= 0 && concealed > CONCEALED_MOST)
        found.push(`${percent(concealed)} of a voice made up`);
      if (loudness < LOUDNESS_LEAST) found.push(`a voice as loud as ${loudness.toFixed(2)}`);
    }
  }
  return found;
}

/** What they see that is, of the best picture of each. */
function badPictures(arrived) {
  const found = [];
  for (const streams of arrived) {
    const [best] = ofKind(streams, "video").toSorted((a, b) => b.rate - a.rate);
    const { rate, frozen, still } = best ?? { rate: 0, frozen: 0, still: 0 };
    if (rate < RATE_LEAST) found.push(`${rate.toFixed(1)} pictures a second`);
    if (frozen > FROZEN_MOST) found.push(`a picture frozen for ${percent(frozen)} of the time`);
    if (still > STILL_MOST_S) found.push(`no new picture for ${still.toFixed(1)} s`);
  }
  return found;
}

/** Whether too much of what was lost on the way had to be made up, over all voices of which something was, and of each. */
function badRepair(arrived) {
  const lossy = ofKind(arrived.flat(), "audio").filter(({ lost }) => lost > 0);
  const found = lossy
    .filter(({ concealed }) => concealed > CONCEALED_MOST_EACH)
    .map(({ concealed }) => `${percent(concealed)} of a voice made up of which something was lost`);
  const mean = lossy.reduce((sum, { concealed }) => sum + concealed, 0) / lossy.length;
  if (lossy.length > 0 && mean > CONCEALED_MOST_LOSSY)
    found.push(`${percent(mean)} of the voices made up of which something was lost`);
  return found;
}

export const percent = (share) => `${(100 * share).toFixed(1)} %`;
