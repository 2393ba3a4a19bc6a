// Unmodified livekit-client in Chromium, in both connection models, on a page of another origin.
import assert from "node:assert/strict";

import { untilHearing, untilSeeing, untilFrozen } from "../../e2e/lib/media.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { connections, untilTold, withBrowser } from "../lib/livekit-page.mjs";
import { mediaAccess } from "../lib/media-access.mjs";
import { withServer } from "../lib/meeting.mjs";
import test from "../lib/test.mjs";

const scene = withServer();
const browser = withBrowser();

async function access(room, id, options) {
  return mediaAccess(await scene.inside(room, id, options));
}

for (const [model, singlePeerConnection, expected] of [
  ["one connection", true, 1],
  ["a connection per direction", false, 2],
]) {
  test(`two browsers with ${model} see and hear each other`, async () => {
    const room = await scene.room();
    const ana = await browser.join(await access(room, "ana", { admin: true }), {
      singlePeerConnection,
    });
    const ben = await browser.join(await access(room, "ben"), { singlePeerConnection });

    await ana.evaluate(() => publish());
    await ben.evaluate(() => publish());

    for (const page of [ana, ben]) {
      await untilSeeing(page, 1);
      await untilHearing(page, 1);
      assert.equal(await connections(page), expected);
      assert.deepEqual(page.problems, []);
    }
    await untilTold(ana, /ActiveSpeakersChanged .*ben/);
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

test("a muted camera stops, and unpublished and published again it comes back", async () => {
  const room = await scene.room();
  const ana = await browser.join(await access(room, "ana", { admin: true }));
  const ben = await browser.join(await access(room, "ben"));
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

test("a subscriber chooses the layer, down and up again, and the picture goes on", async () => {
  const room = await scene.room();
  const ana = await browser.join(await access(room, "ana", { admin: true }));
  const ben = await browser.join(await access(room, "ben"));
  await ben.evaluate(() => publish());
  await untilSeeing(ana, 1);
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
});

test("a lost signal connection is resumed and the picture goes on", async () => {
  const room = await scene.room();
  const ana = await browser.join(await access(room, "ana", { admin: true }));
  const ben = await browser.join(await access(room, "ben"));
  await ben.evaluate(() => publish());
  await untilSeeing(ana, 1);

  await ana.evaluate(() => window.room.simulateScenario("signal-reconnect"));

  await untilTold(ana, /^Reconnected/);
  await untilSeeing(ana, 1);
});

test("a full reconnect brings both directions back", async () => {
  const room = await scene.room();
  const ana = await browser.join(await access(room, "ana", { admin: true }));
  const ben = await browser.join(await access(room, "ben"));
  await ana.evaluate(() => publish());
  await ben.evaluate(() => publish());
  await untilSeeing(ben, 1);

  await ana.evaluate(() => window.room.simulateScenario("full-reconnect"));

  await untilTold(ana, /^Reconnected/);
  await untilSeeing(ana, 1);
  await untilSeeing(ben, 1);
});

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
