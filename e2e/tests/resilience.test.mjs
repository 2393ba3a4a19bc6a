// What breaks in real life: cables, servers, processes. The meeting carries on.
import assert from "node:assert/strict";

import { untilFrozen, untilHearing, untilSeeing, untilSilent } from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";
import { MEDIA_BEHIND_RELAY } from "../lib/wire-cutter.mjs";

/** A broken connection shows up in the console, and is not our page's fault. */
const NETWORK_NOISE = [
  /WebSocket connection to .* failed/,
  /ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INTERNET_DISCONNECTED|NETWORK_CHANGED|SOCKET_NOT_CONNECTED)/,
];

const HEAL_TIMEOUT_MS = 60_000;

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
