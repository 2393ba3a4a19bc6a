// The official Python SDK, an independent WebRTC stack, meets Chromium.
import assert from "node:assert/strict";

import { untilHearing, untilSeeing, untilSilent } from "../../e2e/lib/media.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { withBrowser } from "../lib/livekit-page.mjs";
import { mediaAccess } from "../lib/media-access.mjs";
import { withServer } from "../lib/meeting.mjs";
import { PythonPeer } from "../lib/peer.mjs";
import test from "../lib/test.mjs";

const scene = withServer();
const browser = withBrowser();

async function access(room, id, options) {
  return mediaAccess(await scene.inside(room, id, options));
}

async function withPeer({ url, token }, flags, body) {
  const peer = new PythonPeer(url, token, ...flags);
  try {
    await peer.event("connected");
    await body(peer);
  } finally {
    await peer.leave();
  }
}

for (const [model, flags] of [
  ["one connection", []],
  ["a connection per direction", ["--two-connections"]],
]) {
  test(`the Python SDK with ${model} and Chromium see and hear each other`, async () => {
    const room = await scene.room();
    const page = await browser.join(await access(room, "chromium", { admin: true }));
    await page.evaluate(() => publish());

    await withPeer(await access(room, "python"), flags, async (peer) => {
      await peer.event("published");
      await peer.receives("video", "chromium");
      await peer.receives("audio", "chromium");
      await untilSeeing(page, 1);
      await untilHearing(page, 1);
    });
  });
}

test("a microphone muted by the Python SDK is silent in Chromium", async () => {
  const room = await scene.room();
  const page = await browser.join(await access(room, "chromium", { admin: true }));

  await withPeer(await access(room, "python"), [], async (peer) => {
    await untilHearing(page, 1);
    peer.say("mute");
    await untilSilent(page);
    peer.say("unmute");
    await untilHearing(page, 1);
  });
});

test("data packets of members are refused, since the meeting has its own channel for them", async () => {
  const room = await scene.room();
  const page = await browser.join(await access(room, "chromium", { admin: true }));
  await page.evaluate(() => publish());

  await withPeer(await access(room, "python"), [], async (peer) => {
    peer.say("data forbidden");
    await peer.event("data-sent");
    await peer.receives("video", "chromium");
    await untilSeeing(page, 1);

    assert.deepEqual(await page.evaluate(() => seen.data), []);
  });
});

test("in a room that asks for it, data packets go both ways between the Python SDK and Chromium", async () => {
  const room = await scene.room({ metadata: { extra_data: { plenum_media_data: "true" } } });
  const page = await browser.join(await access(room, "chromium", { admin: true }));

  await withPeer(await access(room, "python"), [], async (peer) => {
    await peer.event("published");
    peer.say("data from-python");
    await until("the packet in Chromium", async () => {
      const data = await page.evaluate(() => seen.data);
      return data.some((packet) => packet.text === "from-python" && packet.from === "python");
    });

    await page.evaluate(() => say("from-chromium"));
    const received = await peer.event("data");
    assert.equal(received.text, "from-chromium");
    assert.equal(received.sender, "chromium");
  });
});

test("who leaves with the Python SDK disappears in Chromium", async () => {
  const room = await scene.room();
  const page = await browser.join(await access(room, "chromium", { admin: true }));
  const present = () => page.evaluate(() => [...window.room.remoteParticipants.keys()]);

  await withPeer(await access(room, "python"), [], async () => {
    await until("python to be there", async () => (await present()).includes("python"));
  });

  await until("python to be gone", async () => (await present()).length === 0);
});
