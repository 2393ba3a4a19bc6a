// What breaks in real life: cables, servers, processes. The meeting carries on.
import assert from "node:assert/strict";

import { arrivalOver, watchArrival } from "../lib/arrival.mjs";
import {
  humInsteadOfBeeping,
  rememberSignalConnections,
  untilFrozen,
  untilHearing,
  untilSeeing,
  untilSilent,
} from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";
import { MEDIA_BEHIND_RELAY } from "../lib/wire-cutter.mjs";

/** A broken connection shows up in the console, and is not our page's fault. */
const NETWORK_NOISE = [
  /WebSocket connection to .* failed/,
  /ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INTERNET_DISCONNECTED|NETWORK_CHANGED|SOCKET_NOT_CONNECTED)/,
];

const HEAL_TIMEOUT_MS = 60_000;

/**
 * From the end of the signal connection until the server has taken the session up again. The library waits for up to half a second
 * of it, a time it draws, so that not everybody comes back at once.
 */
const RESUMED_MS = 1_000;
/** `SignalResponse.reconnect`: the session goes on. */
const RECONNECT = 19;
/** Seconds of every voice in which the signal connection ends and comes back. */
const RESUME_STRETCH_S = 5;
/**
 * The most of a voice that may be made up meanwhile, 0 to 1: half a second. Up to 3.6 % were seen on a machine with too much to do,
 * usually none.
 */
const RESUME_CONCEALED = 0.1;
/** The longest time without a new picture meanwhile, in seconds. Cameras give ten a second. */
const RESUME_STILL_S = 1;

scenario(
  "a cut network heals and the meeting carries on",
  async (meeting) => {
    meeting.allowedProblems.push(...NETWORK_NOISE);
    const cutter = await meeting.withCutter();
    const media = await meeting.withMediaCutter();
    const ana = await meeting.join("Ana", { admin: true });
    const ben = await meeting.join("Ben");
    await untilSeeing(ana.page, 1);
    await untilHearing(ana.page, 1);
    await ana.write("before the cut");
    await ben.reads("before the cut");

    cutter.cut();
    media.cut();
    await ana.reconnecting().waitFor();
    await untilFrozen(ana.page);
    await untilSilent(ben.page);
    cutter.mend();
    media.mend();

    await ana.reconnecting().waitFor({ state: "hidden", timeout: HEAL_TIMEOUT_MS });
    await untilSeeing(ana.page, 1, { timeout: HEAL_TIMEOUT_MS });
    await untilHearing(ana.page, 1, { timeout: HEAL_TIMEOUT_MS });
    await untilSeeing(ben.page, 1, { timeout: HEAL_TIMEOUT_MS });
    await ana.write("after the cut");
    await ben.reads("after the cut", { timeout: HEAL_TIMEOUT_MS });
    assert.equal(await ben.countLines("before the cut"), 1);
  },
  { config: MEDIA_BEHIND_RELAY },
);

scenario(
  "a short loss of media alone stops the picture, and it comes back by itself",
  async (meeting) => {
    const media = await meeting.withMediaCutter();
    const ana = await meeting.join("Ana", { admin: true });
    await meeting.join("Ben");
    await untilSeeing(ana.page, 1);

    media.cut();
    await untilFrozen(ana.page);
    media.mend();

    await untilSeeing(ana.page, 1, { timeout: HEAL_TIMEOUT_MS });
    await untilHearing(ana.page, 1, { timeout: HEAL_TIMEOUT_MS });
  },
  { config: MEDIA_BEHIND_RELAY },
);

scenario(
  "a connection that breaks once is restored without anyone losing the picture",
  async (meeting) => {
    meeting.allowedProblems.push(...NETWORK_NOISE);
    const cutter = await meeting.withCutter();
    const ana = await meeting.join("Ana", { admin: true });
    const ben = await meeting.join("Ben");
    await untilSeeing(ana.page, 1);

    cutter.flap();

    await until("both to be connected again", () => cutter.connections >= 4, {
      timeout: HEAL_TIMEOUT_MS,
    });
    await untilSeeing(ana.page, 1);
    await untilSeeing(ben.page, 1);
    await ana.seesNoLonger("Nobody");
    await ana.sees("Ben");
  },
);

scenario(
  "a signal connection that breaks is resumed within a second, and nobody hears or sees it",
  async (meeting) => {
    meeting.allowedProblems.push(...NETWORK_NOISE);
    const cutter = await meeting.withCutter();
    const come = async (name, admin) => {
      const person = await meeting.open(name);
      await person.context.addInitScript(humInsteadOfBeeping);
      await person.context.addInitScript(rememberSignalConnections);
      await person.openLink(await meeting.link(name, { admin }));
      await person.enter();
      return person;
    };
    const people = [await come("Ana", true), await come("Ben", false)];
    for (const { page } of people) {
      await untilSeeing(page, 1);
      await untilHearing(page, 1);
      await watchArrival(page);
    }
    const before = await Promise.all(people.map(({ page }) => connectionsOf(page)));

    const arriving = Promise.all(people.map(({ page }) => arrivalOver(page, RESUME_STRETCH_S)));
    cutter.flap("/rtc");
    const resuming = Promise.all(
      people.map(({ name, page }) => until(`${name}'s session to go on`, () => resumedAfter(page))),
    );
    // Both at once, so that whichever fails later is not taken for an error that nobody expected.
    const [arrived, resumed] = await Promise.all([arriving, resuming]);

    for (const [at, { name }] of people.entries())
      assert.ok(resumed[at] < RESUMED_MS, `${name}'s session went on after ${resumed[at]} ms`);
    for (const [voice, picture] of arrived) {
      assert.ok(voice.concealed <= RESUME_CONCEALED, `${voice.concealed} of a voice made up`);
      assert.ok(picture.still <= RESUME_STILL_S, `no new picture for ${picture.still} s`);
    }
    const later = await Promise.all(people.map(({ page }) => connectionsOf(page)));
    assert.deepEqual(later, before, "no connection was made anew");
  },
);

scenario(
  "the server is killed and restarted: rooms, people and their words come back",
  async (meeting) => {
    meeting.allowedProblems.push(...NETWORK_NOISE);
    await meeting.withCutter();
    const ana = await meeting.join("Ana", { admin: true });
    const ben = await meeting.join("Ben");
    await untilSeeing(ana.page, 1);
    await ben.raiseHand();
    await ana.seesHandOf("Ben", { raised: true });
    await ana.write("written before the crash");
    await ben.reads("written before the crash");
    const before = await meeting.server.api("/room/getActiveRoomInfo", { room_id: "meeting" });

    const { signal } = await meeting.server.kill();
    assert.equal(signal, "SIGKILL");
    await meeting.server.launch();

    const after = await meeting.server.api("/room/getActiveRoomInfo", { room_id: "meeting" });
    assert.equal(
      after.body.room.room_info.sid,
      before.body.room.room_info.sid,
      "the session is the same one",
    );
    await untilSeeing(ana.page, 1, { timeout: HEAL_TIMEOUT_MS });
    await untilHearing(ben.page, 1, { timeout: HEAL_TIMEOUT_MS });
    await ana.seesHandOf("Ben", { raised: true });
    await ben.write("written after the crash");
    await ana.reads("written after the crash", { timeout: HEAL_TIMEOUT_MS });

    const cleo = await meeting.join("Cleo");
    await cleo.reads("written before the crash");
    await cleo.sees("Ana");
    await cleo.sees("Ben");
  },
);

scenario("a server that is asked to stop says goodbye in order", async (meeting) => {
  meeting.allowedProblems.push(...NETWORK_NOISE);
  await meeting.withCutter();
  await meeting.join("Ana", { admin: true });

  const { code } = await meeting.server.stop();

  assert.equal(code, 0);
});

/** How many peer connections a page has made so far. */
const connectionsOf = (page) => page.evaluate(() => window.__peerConnections.length);

/** How many milliseconds it took from the end of the last signal connection but one until the last one took its session up. */
function resumedAfter(page) {
  return page.evaluate((reconnect) => {
    const [last, fresh] = window.__signalConnections.slice(-2);
    const answer = fresh?.answers.find(([field]) => field === reconnect);
    return last.ended !== null && answer ? answer[1] - last.ended : null;
  }, RECONNECT);
}
