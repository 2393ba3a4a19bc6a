// What voices and shared sound are sent as, seen from where they arrive.
import assert from "node:assert/strict";

import { arrivalOver, watchArrival } from "../lib/arrival.mjs";
import { loudnessOfSides, shareStereo, speakWhenTold } from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

/** Seconds of sound that are looked at. */
const STRETCH_S = 4;
/**
 * The most packets a second of somebody silent. With DTX Opus makes a frame in 400 ms then, and Chromium sends the one after it too,
 * which makes 4.8; without it is 50.
 */
const SILENT_PACKETS_MOST = 10;
/** The least packets a second of somebody who speaks. */
const SPEAKING_PACKETS_LEAST = 40;
/** Energy a second of a tone that is sent with 1. */
const HEARD_LEAST = 0.5;
/** The same of silence. */
const UNHEARD_MOST = 1e-6;
/** How loud a tone is that is sent with 1, at the least. */
const SIDE_HEARD_LEAST = 0.1;
/** How much louder the side is that a tone is on, at the least. */
const SIDES_APART = 10;

scenario("somebody silent hardly sends anything, and is heard when they speak", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.open("Ben");
  await ben.page.addInitScript(speakWhenTold);
  await ben.openLink(await meeting.link("Ben"));
  await ben.enter();
  const speak = (on) => ben.page.evaluate((wanted) => window.__speak(wanted), on);
  const untilHeard = () =>
    until("Ben's voice, whole", async () => {
      const { loudness, packets } = await voiceAt(ana);
      if (loudness > HEARD_LEAST && packets >= SPEAKING_PACKETS_LEAST) return true;
      throw new Error(JSON.stringify({ loudness, packets }));
    });
  await watchArrival(ana.page);

  await speak(true);
  await untilHeard();
  await speak(false);
  const silent = await until("silence", async () => {
    const voice = await voiceAt(ana);
    return voice.loudness < UNHEARD_MOST && voice;
  });
  await speak(true);

  await untilHeard();
  assert.ok(silent.packets <= SILENT_PACKETS_MOST, `${silent.packets} packets a second`);
});

scenario("the sound of a shared screen keeps its sides apart", async (meeting) => {
  const ana = await meeting.join("Ana", { devices: false });
  const ben = await meeting.open("Ben");
  await ben.page.addInitScript(shareStereo);
  await ben.openLink(await meeting.link("Ben", { admin: true }));
  await ben.enter({ devices: false });
  await ben.shareScreen();
  await ana.sharedScreenOf("Ben").waitFor();

  for (const [loud, quiet] of [
    ["left", "right"],
    ["right", "left"],
  ]) {
    await ben.page.evaluate((side) => window.__side(side), loud);

    await until(`a tone on the ${loud} alone`, async () => {
      const sides = await loudnessOfSides(ana.page);
      if (sides[loud] > SIDE_HEARD_LEAST && sides[loud] > SIDES_APART * sides[quiet]) return true;
      throw new Error(JSON.stringify(sides));
    });
  }
});

/** What arrives of the only voice. */
async function voiceAt(person) {
  const streams = await arrivalOver(person.page, STRETCH_S);
  return streams.find(({ kind }) => kind === "audio");
}
