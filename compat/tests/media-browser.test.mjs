// Unmodified livekit-client in Chromium, in both connection models, on a page of another origin.
import assert from "node:assert/strict";

import {
  untilFrozen,
  untilHearing,
  untilSeeing,
  untilSilent,
  untilWay,
} from "../../e2e/lib/media.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { assertFlowed, watchFlow } from "../lib/flow.mjs";
import { connections, told, untilTold, withBrowser } from "../lib/livekit-page.mjs";
import { mediaAccess } from "../lib/media-access.mjs";
import { withServer } from "../lib/meeting.mjs";
import test from "../lib/test.mjs";

// The same with every meeting on two threads: media-browser-spread.test.mjs. How many connections somebody has makes no difference
// between threads.
const spread = process.env.PLENUM_TEST_SPREAD;
const config = spread ? `plenum:\n  media: {threads: 2, spread: ${spread}}\n` : "";
const MODELS = [
  ["one connection", true, 1],
  ["a connection per direction", false, 2],
];
const scene = withServer({ config });
const browser = withBrowser();

async function access(room, id, options) {
  return mediaAccess(await scene.inside(room, id, options));
}

/** Ana, who is a host, and Ben in a room of their own, each on a page. */
async function two(options) {
  const room = await scene.room();
  const ana = await browser.join(await access(room, "ana", { admin: true }), options);
  const ben = await browser.join(await access(room, "ben"), options);
  return { room, ana, ben };
}

/** Does the same with every track of everybody else. */
function each(page, how, wanted) {
  return page.evaluate(
    ([how, wanted]) => {
      for (const participant of window.room.remoteParticipants.values())
        for (const publication of participant.trackPublications.values()) publication[how](wanted);
    },
    [how, wanted],
  );
}

for (const [model, singlePeerConnection, expected] of spread ? MODELS.slice(0, 1) : MODELS) {
  test(`two browsers with ${model} see and hear each other`, async () => {
    const { ana, ben } = await two({ singlePeerConnection });

    await ana.evaluate(() => publish());
    await ben.evaluate(() => publish());

    for (const page of [ana, ben]) {
      await untilSeeing(page, 1);
      await untilHearing(page, 1);
      assert.equal(await connections(page), expected);
      assert.deepEqual(page.problems, []);
    }
    // The beeps of the pretended microphone last just about as long as what counts as speech; this tone goes on.
    await ana.evaluate(() => shareScreen());
    await untilTold(ben, /ActiveSpeakersChanged .*ana/);
  });
}

test("both models meet in one room", async () => {
  const room = await scene.room();
  const ana = await browser.join(await access(room, "ana", { admin: true }), {
    singlePeerConnection: true,
  });
  const ben = await browser.join(await access(room, "ben"), { singlePeerConnection: false });

  await ana.evaluate(() => publish());
  await ben.evaluate(() => publish());

  await untilSeeing(ana, 1);
  await untilSeeing(ben, 1);
});

test("a subscriber chooses the layer, down and up again, and the picture goes on", async () => {
  const { ana, ben } = await two();
  await ben.evaluate(() => publish());
  await untilSeeing(ana, 1);
  for (const page of [ana, ben]) await watchFlow(page);
  const width = () => ana.evaluate(() => document.querySelector("video").videoWidth);

  // LiveKit's VideoQuality: 0 is low, 2 is high
  for (const [quality, fits] of [
    [0, (pixels) => pixels <= 320],
    [2, (pixels) => pixels > 320],
    [0, (pixels) => pixels <= 320],
  ]) {
    await ana.evaluate((wanted) => {
      for (const participant of window.room.remoteParticipants.values())
        for (const track of participant.videoTrackPublications.values())
          track.setVideoQuality(wanted);
    }, quality);
    await until(`the layer of quality ${quality}`, async () => fits(await width()), {
      timeout: 30_000,
    });
    await untilSeeing(ana, 1);
  }
  await assertFlowed(ben, ana);
});

/**
 * Loses the signal connection. How long until it is there again, until the library says that all is well (it waits two seconds
 * itself), how many packets came meanwhile, and for how long at most none did; times in milliseconds.
 */
async function resume() {
  const received = async () => {
    const open = window.__peerConnections.filter((pc) => pc.connectionState !== "closed");
    const reports = await Promise.all(open.map((pc) => pc.getStats()));
    const entries = reports.flatMap((report) => [...report.values()]);
    const incoming = entries.filter((entry) => entry.type === "inbound-rtp");
    return incoming.reduce((sum, entry) => sum + entry.packetsReceived, 0);
  };
  const first = await received();
  const begun = performance.now();
  const after = () => Math.round(performance.now() - begun);
  let signal;
  let over;
  window.room.engine.once("signalResumed", () => (signal = after()));
  window.room.once("reconnected", () => (over = after()));
  window.room.simulateScenario("signal-reconnect");
  let last = { packets: first, at: 0 };
  let silence = 0;
  while (over === undefined) {
    const packets = await received();
    const at = after();
    if (packets > last.packets) last = { packets, at };
    silence = Math.max(silence, at - last.at);
  }
  return { signal, over, packets: last.packets - first, silence };
}

for (const [model, singlePeerConnection] of [
  ["one connection", true],
  ["a connection per direction", false],
]) {
  test(`with ${model} a lost signal connection is resumed and both directions go on`, async (context) => {
    const { ana, ben } = await two({ singlePeerConnection });
    await ana.evaluate(() => publish());
    await ben.evaluate(() => publish());
    await untilSeeing(ana, 1);
    await untilSeeing(ben, 1);

    const resumed = await ana.evaluate(resume);

    await untilTold(ana, /^Reconnected/);
    context.diagnostic(`${model}: ${JSON.stringify(resumed)}`);
    assert.ok(resumed.packets > 0, "media goes on while the signal connection is away");
    await untilSeeing(ana, 1);
    await untilSeeing(ben, 1);
    assert.deepEqual(await told(ben, /gone|unsubscribed/), [], "ben noticed nothing");
  });

  test(`with ${model} a full reconnect brings both directions back`, async () => {
    const { ana, ben } = await two({ singlePeerConnection });
    await ana.evaluate(() => publish());
    await ben.evaluate(() => publish());
    await untilSeeing(ben, 1);

    await ana.evaluate(() => window.room.simulateScenario("full-reconnect"));

    await untilTold(ana, /^Reconnected/);
    await untilSeeing(ana, 1);
    await untilSeeing(ben, 1);
  });

  test(`with ${model} trouble that is asked for is had, got over, and nobody else's`, async () => {
    const { ana, ben } = await two({ singlePeerConnection });
    await ana.evaluate(() => publish());
    await untilSeeing(ben, 1);

    for (const scenario of [
      "disconnect-signal-on-resume",
      "disconnect-signal-on-resume-no-messages",
      "node-failure",
      "migration",
      "leave-full-reconnect",
      "force-tcp",
    ]) {
      await ana.evaluate((scenario) => {
        seen.events.length = 0;
        return window.room.simulateScenario(scenario);
      }, scenario);
      await untilTold(ana, /^Reconnected/);
      await untilSeeing(ben, 1);
    }
    await untilWay(ana, "TCP", ({ protocol, type }) => protocol === "tcp" && type !== "relay");

    await ana.evaluate(() => window.room.simulateScenario("speaker"));
    await untilTold(ana, /ActiveSpeakersChanged ana/);

    // Relays and their logins are those of the join's own answer.
    await ana.evaluate(() => {
      seen.events.length = 0;
      return window.room.simulateScenario("force-tls");
    });
    await untilTold(ana, /^Reconnected/);
    await untilSeeing(ben, 1);
    await untilWay(ana, "the relay", ({ type, relay }) => type === "relay" && relay === "tcp");
    await ana.evaluate(() => window.room.simulateScenario("server-leave"));
    await untilTold(ana, /^Disconnected 3$/);
    assert.deepEqual(await told(ben, /Reconnect|Disconnected/), [], "ben's connection is his own");
  });

  test(`with ${model} a muted camera stops, and unpublished and published again it comes back`, async () => {
    const { ana, ben } = await two({ singlePeerConnection });
    await ben.evaluate(() => publish());
    await untilSeeing(ana, 1);

    await ben.evaluate(() => window.room.localParticipant.setCameraEnabled(false));
    await untilFrozen(ana);
    await ben.evaluate(() => window.room.localParticipant.setCameraEnabled(true));
    await untilSeeing(ana, 1);

    await ben.evaluate(async () => {
      const { track } = window.room.localParticipant.getTrackPublication("camera");
      await window.room.localParticipant.unpublishTrack(track);
      await window.room.localParticipant.setCameraEnabled(true);
    });
    await untilSeeing(ana, 1);
  });

  test(`with ${model} a track can be given up and taken again, switched off and on`, async () => {
    const { ana, ben } = await two({ singlePeerConnection });
    await ben.evaluate(() => publish());
    await untilSeeing(ana, 1);
    await untilHearing(ana, 1);

    for (const how of ["setSubscribed", "setEnabled"]) {
      await each(ana, how, false);
      await untilFrozen(ana);
      await untilSilent(ana);
      await each(ana, how, true);
      await untilSeeing(ana, 1);
      await untilHearing(ana, 1);
    }
  });
}

test("a screen comes with its sound, beside camera and microphone", async () => {
  const { ana, ben } = await two();
  await ana.evaluate(() => publish());

  await ana.evaluate(() => shareScreen());

  await untilTold(ben, /subscribed video screen_share of ana/);
  await untilTold(ben, /subscribed audio screen_share_audio of ana/);
  await untilSeeing(ben, 2);
  await untilHearing(ben, 2);
});

test("the quality of connections is shown on both sides", async () => {
  const { room, ana, ben } = await two();
  await ben.evaluate(() => publish());
  await untilSeeing(ana, 1);

  await untilTold(ana, /^quality of ben: (excellent|good)/);
  await untilTold(ben, /^quality of ben: (excellent|good)/);
  const late = await browser.join(await access(room, "cid"));
  // The library announces changes only once it counts itself connected; what it knows it knows earlier.
  const known = () =>
    late.evaluate(() => window.room.remoteParticipants.get("ben").connectionQuality);
  await until("the quality of ben", async () => (await known()) !== "unknown", { timeout: 4_000 });
});

for (const reliable of [true, false]) {
  test(`browsers exchange ${reliable ? "reliable" : "lossy"} data in a room that asks for it`, async () => {
    const room = await scene.room({ metadata: { extra_data: { plenum_media_data: "true" } } });
    const ana = await browser.join(await access(room, "ana", { admin: true }));
    const ben = await browser.join(await access(room, "ben"), { singlePeerConnection: false });

    for (const [from, to, name] of [
      [ana, ben, "ana"],
      [ben, ana, "ben"],
    ]) {
      await until(`the packet of ${name}`, async () => {
        await from.evaluate((reliable) => say("hello", reliable), reliable);
        const data = await to.evaluate(() => seen.data);
        return data.some((packet) => packet.text === "hello" && packet.from === name);
      });
    }
    if (reliable) {
      const count = (await ben.evaluate(() => seen.data)).length;
      const texts = Array.from({ length: 50 }, (_, index) => `${index}`);
      await ana.evaluate(async (texts) => {
        for (const text of texts) await say(text, true);
      }, texts);
      const got = await until("all of them", async () => {
        const data = (await ben.evaluate(() => seen.data)).slice(count).map(({ text }) => text);
        return data.filter((text) => text !== "hello").length >= texts.length && data;
      });
      assert.deepEqual(
        got.filter((text) => text !== "hello"),
        texts,
      );
    }
  });
}

test("a second browser with the same identity takes the place of the first", async () => {
  const room = await scene.room();
  const door = await access(room, "ana", { admin: true });
  const first = await browser.join(door);

  await browser.join(door);

  await untilTold(first, /^Disconnected/);
});

test("H264 is forwarded as well as VP8", async () => {
  const room = await scene.room();
  const ana = await browser.join(await access(room, "ana", { admin: true }));
  const ben = await browser.join(await access(room, "ben"), {
    publishDefaults: { videoCodec: "h264", backupCodec: false },
  });

  await ben.evaluate(() => publish());

  await untilSeeing(ana, 1);
  const codec = await ana.evaluate(async () => {
    const reports = await Promise.all(window.__peerConnections.map((pc) => pc.getStats()));
    const entries = reports.flatMap((report) => [...report.values()]);
    const inbound = entries.find((entry) => entry.type === "inbound-rtp" && entry.kind === "video");
    return entries.find((entry) => entry.id === inbound.codecId).mimeType;
  });
  assert.equal(codec, "video/H264");
});

test("a token that is none does not connect", async () => {
  const room = await scene.room();
  const { url } = await access(room, "ana", { admin: true });
  const page = await browser.open();

  await assert.rejects(page.evaluate((url) => join(url, "not.a.token"), url));
});
