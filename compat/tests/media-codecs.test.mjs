// VP9, AV1 and H264 in layers, redundant sound, second codecs and encrypted frames: livekit-client, unmodified, in Chromium.
import assert from "node:assert/strict";

import { untilHearing, untilSeeing } from "../../e2e/lib/media.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { assertFlowed, watchFlow } from "../lib/flow.mjs";
import { withBrowser } from "../lib/livekit-page.mjs";
import { mediaAccess } from "../lib/media-access.mjs";
import { withServer } from "../lib/meeting.mjs";
import test from "../lib/test.mjs";

const scene = withServer();
const browser = withBrowser();

async function access(room, id, options) {
  return mediaAccess(await scene.inside(room, id, options));
}

/** The statistics of a page's streams in a direction, of one kind, each with the name of its codec. */
function streams(page, type, kind) {
  return page.evaluate(
    async ([type, kind]) => {
      const open = window.__peerConnections.filter((pc) => pc.connectionState !== "closed");
      const reports = await Promise.all(open.map((pc) => pc.getStats()));
      const entries = reports.flatMap((report) => [...report.values()]);
      return entries
        .filter((entry) => entry.type === type && entry.kind === kind)
        .map((entry) => ({
          ...entry,
          codec: entries.find(({ id }) => id === entry.codecId)?.mimeType,
        }));
    },
    [type, kind],
  );
}

/** What a page receives of a kind: the codec and the numbers of its statistics. */
async function inbound(page, kind) {
  return (await streams(page, "inbound-rtp", kind)).map((entry) => ({
    codec: entry.codec,
    frames: entry.framesDecoded ?? 0,
    width: entry.frameWidth ?? 0,
    lost: entry.packetsLost ?? 0,
    asked: entry.pliCount ?? 0,
    packets: entry.packetsReceived ?? 0,
    bytes: entry.bytesReceived ?? 0,
  }));
}

/** What a page sends of pictures, per stream. */
async function outbound(page, kind = "video") {
  return (await streams(page, "outbound-rtp", kind)).map((entry) => ({
    codec: entry.codec,
    rid: entry.rid,
    mode: entry.scalabilityMode,
    frames: entry.framesEncoded ?? 0,
    plis: entry.pliCount ?? 0,
  }));
}

/** Waits until the one picture a page sees comes in that codec. */
function untilCodec(page, codec, options) {
  return until(
    `pictures in ${codec}`,
    async () => {
      const seen = await inbound(page, "video");
      if (seen.some((stream) => stream.codec === codec && stream.frames > 0)) return seen;
      throw new Error(JSON.stringify(seen));
    },
    options,
  );
}

/** Says which layer a page wants of everybody: 0 is low, 2 is high. */
function want(page, quality) {
  return page.evaluate((wanted) => {
    for (const participant of window.room.remoteParticipants.values())
      for (const track of participant.videoTrackPublications.values())
        track.setVideoQuality(wanted);
  }, quality);
}

async function untilWidth(page, what, fits) {
  await until(
    what,
    async () => {
      const [picture] = await inbound(page, "video");
      if (fits(picture.width)) return true;
      throw new Error(JSON.stringify(picture));
    },
    { timeout: 60_000 },
  );
}

/** Takes codecs out of what a page says it can receive, as a browser without their decoders does. */
function withoutDecoders(names) {
  const native = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
  const known = (codec) => !names.some((name) => codec.mimeType.toLowerCase() === `video/${name}`);
  RTCRtpReceiver.getCapabilities = (kind) => {
    const all = native(kind);
    return all && { ...all, codecs: all.codecs.filter(known) };
  };
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (of, init) {
    const transceiver = add.call(this, of, init);
    if (of === "video" && init?.direction === "recvonly")
      transceiver.setCodecPreferences(RTCRtpReceiver.getCapabilities("video").codecs);
    return transceiver;
  };
}

// Browsers leave spatial layers out that would be too small. AV1 takes a machine without hardware for it too much time for three.
for (const [codec, mime, width, mode] of [
  ["vp9", "video/VP9", 960, "L3T3_KEY"],
  ["av1", "video/AV1", 640, "L2T3_KEY"],
]) {
  test(`${codec} comes in layers of one stream, and a subscriber chooses among them, down and up again`, async () => {
    const room = await scene.room();
    const ana = await browser.join(await access(room, "ana", { admin: true }));
    const ben = await browser.join(await access(room, "ben"));
    await ben.evaluate(
      ([videoCodec, width]) =>
        publishCamera(
          { videoCodec, scalabilityMode: "L3T3_KEY", backupCodec: false },
          { width, height: (width * 9) / 16, frameRate: 10 },
        ),
      [codec, width],
    );
    await untilSeeing(ana, 1);
    await untilCodec(ana, mime);
    const [sent] = await outbound(ben);
    assert.deepEqual([sent.codec, sent.mode], [mime, mode]);

    const layers = mode.startsWith("L3") ? [0, 1, 2] : [0, 1];
    const most = layers.at(-1);
    for (const layer of [most, ...layers, ...layers.toReversed()]) {
      await want(ana, layer);
      const expected = width / 2 ** (most - layer);
      await untilWidth(ana, `layer ${layer}`, (seen) => seen === expected);
      await untilSeeing(ana, 1);
    }

    const [picture] = await inbound(ana, "video");
    assert.equal(picture.lost, 0);
    assert.deepEqual(ana.problems, []);
  });

  test(`whoever comes later sees ${codec} too`, async () => {
    const room = await scene.room();
    const ben = await browser.join(await access(room, "ben", { admin: true }));
    await ben.evaluate((videoCodec) => publishCamera({ videoCodec, backupCodec: false }), codec);
    await until("pictures are sent", async () =>
      (await outbound(ben)).some((stream) => stream.frames > 5),
    );

    const ana = await browser.join(await access(room, "ana"), { singlePeerConnection: false });

    await untilSeeing(ana, 1);
    await untilCodec(ana, mime);
  });
}

// As above, but every size is encoded by itself.
for (const [codec, mime, widths] of [
  ["vp9", "video/VP9", [320, 640, 960]],
  ["av1", "video/AV1", [320, 640]],
]) {
  test(`${codec} comes in a stream for each size, and a subscriber changes between them without a stop`, async () => {
    const room = await scene.room();
    const ana = await browser.join(await access(room, "ana", { admin: true }));
    const ben = await browser.join(await access(room, "ben"));
    await ben.evaluate(
      ([videoCodec, width]) =>
        publishCamera(
          { videoCodec, simulcast: true, scalabilityMode: "L1T3", backupCodec: false },
          { width, height: (width * 9) / 16, frameRate: 10 },
        ),
      [codec, widths.at(-1)],
    );
    await untilSeeing(ana, 1);
    await untilCodec(ana, mime);
    for (const page of [ana, ben]) await watchFlow(page);
    const see = async (layer) => {
      await want(ana, layer);
      await untilWidth(ana, `size ${layer}`, (seen) => seen === widths[layer]);
      await untilSeeing(ana, 1);
    };
    // Only then the largest one is surely sent.
    await see(widths.length - 1);
    const sent = await outbound(ben);
    assert.deepEqual(
      sent.map((stream) => [stream.codec, stream.mode, stream.rid]).sort(),
      widths.map((_, layer) => [mime, "L1T3", "qhf"[layer]]).sort(),
    );

    const layers = [...widths.keys()];
    for (const layer of [...layers, ...layers.toReversed()]) await see(layer);

    await assertFlowed(ben, ana);
    assert.deepEqual(ana.problems, []);
  });
}

test("VP9 in one spatial layer is forwarded as well", async () => {
  const room = await scene.room();
  const ana = await browser.join(await access(room, "ana", { admin: true }));
  const ben = await browser.join(await access(room, "ben"));
  await ben.evaluate(() =>
    publishCamera({ videoCodec: "vp9", scalabilityMode: "L1T3", backupCodec: false }),
  );
  await untilSeeing(ana, 1);
  await untilCodec(ana, "video/VP9");
  const [sent] = await outbound(ben);
  assert.equal(sent.mode, "L1T3");
});

test("VP9 in layers that depend on each other in every picture is forwarded as well", async () => {
  const room = await scene.room();
  const ana = await browser.join(await access(room, "ana", { admin: true }));
  const ben = await browser.join(await access(room, "ben"));
  await ben.evaluate(() =>
    publishCamera({ videoCodec: "vp9", scalabilityMode: "L3T3", backupCodec: false }),
  );
  await untilSeeing(ana, 1);
  await untilWidth(ana, "the whole picture", (width) => width === 640);
  await want(ana, 0);
  await untilWidth(ana, "the smallest layer", (width) => width > 0 && width < 640);
  await want(ana, 2);
  await untilWidth(ana, "the whole picture again", (width) => width === 640);
  await untilSeeing(ana, 1);
});

test("H264 comes in simulcast layers, and a subscriber chooses among them", async () => {
  const room = await scene.room();
  const ana = await browser.join(await access(room, "ana", { admin: true }));
  const ben = await browser.join(await access(room, "ben"));
  await ben.evaluate(() =>
    publishCamera({ videoCodec: "h264", simulcast: true, backupCodec: false }),
  );
  await untilSeeing(ana, 1);
  await untilCodec(ana, "video/H264");
  assert.ok((await outbound(ben)).length > 1, "several streams");

  await untilWidth(ana, "the large layer", (width) => width === 640);
  await want(ana, 0);
  await untilWidth(ana, "the small layer", (width) => width > 0 && width < 640);
  await untilSeeing(ana, 1);
  await want(ana, 2);
  await untilWidth(ana, "the large layer again", (width) => width === 640);
});

test("sound is repeated as its publisher wishes, goes on as it is, and is heard", async () => {
  const room = await scene.room();
  const doors = [await access(room, "ana", { admin: true }), await access(room, "ben")];
  const ana = await browser.join(doors[0], { publishDefaults: { red: true } });
  const ben = await browser.join(doors[1], { publishDefaults: { red: false } });
  for (const page of [ana, ben])
    await page.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));

  for (const page of [ana, ben]) await untilHearing(page, 1);

  /** The name of the format a page was asked to send sound in. */
  const asked = (page) =>
    page.evaluate(() => {
      const [pc] = window.__peerConnections.filter((pc) => pc.connectionState === "connected");
      const sections = pc.remoteDescription.sdp.split("\r\nm=").slice(1);
      const sending = sections.find((sdp) => sdp.startsWith("audio") && sdp.includes("a=recvonly"));
      const [first] = sending.split("\r\n")[0].split(" ").slice(3);
      return sending.match(`a=rtpmap:${first} ([^/]+)`)[1];
    });
  assert.deepEqual([await asked(ana), await asked(ben)], ["red", "opus"]);
  // Both microphones beep alike, so what one sends twice is larger.
  const size = async (page) => {
    // Sections that nobody speaks on may get packets of padding, which have no bytes.
    const sound = (await inbound(page, "audio")).find(({ bytes }) => bytes > 0);
    return sound?.packets >= 150 && sound.bytes / sound.packets;
  };
  const plain = await until("sound of ben", () => size(ana));
  const repeated = await until("sound of ana", () => size(ben));
  assert.ok(repeated > 1.3 * plain, `${repeated} bytes a packet instead of ${plain}`);
});

test("a second codec is published for who does not take the first, who sees it", async () => {
  const room = await scene.room();
  const ana = await browser.join(await access(room, "ana", { admin: true }));
  const ben = await browser.join(await access(room, "ben"));
  await ben.evaluate(() => publishCamera({ videoCodec: "vp9", backupCodec: { codec: "vp8" } }));
  await untilCodec(ana, "video/VP9");
  const old = await browser.open();
  await old.evaluate(withoutDecodersSource(["vp9", "av1"]));

  const { url, token } = await access(room, "old");
  await old.evaluate(([url, token]) => join(url, token, {}), [url, token]);

  await untilCodec(old, "video/VP8", { timeout: 30_000 });
  await untilSeeing(old, 1);
  await untilSeeing(ana, 1);
  const sent = await outbound(ben);
  assert.deepEqual([...new Set(sent.map((stream) => stream.codec))].sort(), [
    "video/VP8",
    "video/VP9",
  ]);
  assert.equal((await inbound(ana, "video"))[0].codec, "video/VP9", "ana keeps the first");
});

test("a publisher that would rather send one codec goes over to the second for everybody", async () => {
  const room = await scene.room();
  const ana = await browser.join(await access(room, "ana", { admin: true }));
  const ben = await browser.join(await access(room, "ben"));
  await ben.evaluate(() =>
    publishCamera({
      videoCodec: "vp9",
      backupCodec: { codec: "vp8" },
      backupCodecPolicy: LivekitClient.BackupCodecPolicy.REGRESSION,
    }),
  );
  await untilCodec(ana, "video/VP9");
  const old = await browser.open();
  await old.evaluate(withoutDecodersSource(["vp9", "av1"]));
  const { url, token } = await access(room, "old");
  await old.evaluate(([url, token]) => join(url, token, {}), [url, token]);

  await untilCodec(old, "video/VP8", { timeout: 30_000 });
  await untilCodec(ana, "video/VP8", { timeout: 30_000 });
  await untilSeeing(ana, 1);
  const vp9 = async () => {
    const streams = (await outbound(ben)).filter((stream) => stream.codec === "video/VP9");
    return streams.reduce((frames, stream) => frames + stream.frames, 0);
  };
  let before = await vp9();
  await until(
    "the first codec stands still",
    async () => {
      const now = await vp9();
      const still = now === before;
      before = now;
      return still;
    },
    { timeout: 30_000, every: 1_000 },
  );
});

for (const codec of ["vp8", "vp9", "h264"]) {
  test(`${codec} encrypted end to end is seen by who has the key, and nobody else`, async () => {
    const room = await scene.room();
    const encrypted = { passphrase: "the key" };
    const ben = await browser.join(await access(room, "ben", { admin: true }), encrypted);
    await ben.evaluate((videoCodec) => publishCamera({ videoCodec }), codec);
    const ana = await browser.join(await access(room, "ana"), encrypted);
    await untilSeeing(ana, 1);
    await untilCodec(ana, `video/${codec.toUpperCase()}`);

    const eve = await browser.join(await access(room, "eve"), { passphrase: "a guess" });
    const asking = async () => (await inbound(eve, "video"))[0]?.asked ?? 0;
    await until("eve asks for key frames", async () => (await asking()) > 0);
    const answered = async () => (await outbound(ben)).reduce((sum, { plis }) => sum + plis, 0);
    const [start, began, before] = [performance.now(), await asking(), await answered()];
    await until("eve asks again and again", async () => (await asking()) >= began + 5);
    const passedOn = (await answered()) - before;
    const seconds = (performance.now() - start) / 1000;
    // A layer is asked at most once in half a second, and there are up to three.
    assert.ok(passedOn <= 6 * seconds + 3, `${passedOn} requests for key frames in ${seconds} s`);
    await untilSeeing(ana, 1);
    assert.equal((await inbound(eve, "video"))[0].frames, 0, "nothing decoded without the key");
  });
}

function withoutDecodersSource(names) {
  return `(${withoutDecoders})(${JSON.stringify(names)})`;
}
