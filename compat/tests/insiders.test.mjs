// What takes part inside the process, and what a browser makes of it: the frames it gets, and the frames it sends.
//
// An insider sends back everything it gets from livekit-client, unmodified, in Chromium, and writes it down
// (crates/rim/media/examples/mirror.rs).
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach } from "node:test";

import { untilHearing, untilSeeing } from "../../e2e/lib/media.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { withBrowser } from "../lib/livekit-page.mjs";
import { MIRROR } from "../lib/paths.mjs";
import test from "../lib/test.mjs";

const browser = withBrowser();
let mirror;

afterEach(() => mirror?.stop());

/** The media plane with its insider, as a child process. */
class Mirror {
  static async start() {
    if (!existsSync(MIRROR))
      throw new Error(`${MIRROR} is missing: cargo build --package media --example mirror`);
    const folder = await mkdtemp(join(tmpdir(), "plenum-mirror-"));
    const child = spawn(MIRROR, [folder], { stdio: ["ignore", "pipe", "inherit"] });
    const [port] = await Promise.race([
      createInterface({ input: child.stdout })[Symbol.asyncIterator]().next(),
      new Promise((_, fail) => child.once("exit", (code) => fail(new Error(`mirror: ${code}`)))),
    ]).then(({ value }) => [Number(value)]);
    return Object.assign(new Mirror(), { folder, child, door: `ws://127.0.0.1:${port}` });
  }

  /** The frames of the track of that name so far. */
  async frames(name) {
    const bytes = await readFile(join(this.folder, `${name}.frames`)).catch(async () => {
      throw new Error(`no ${name} among ${await readdir(this.folder)}`);
    });
    const frames = [];
    for (let at = 0; at + HEADER <= bytes.length; ) {
      const size = bytes.readUInt32BE(at + 14);
      if (at + HEADER + size > bytes.length) break;
      frames.push({
        key: bytes[at] === 1,
        afterLoss: bytes[at + 1] === 1,
        timestamp: bytes.readUInt32BE(at + 2),
        captured: Number(bytes.readBigUInt64BE(at + 6)),
        data: bytes.subarray(at + HEADER, at + HEADER + size),
      });
      at += HEADER + size;
    }
    return frames;
  }

  async stop() {
    this.child.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Bytes before a frame. */
const HEADER = 18;

/** Somebody in front of the mirror. */
async function visitor(options) {
  mirror = await Mirror.start();
  return browser.join({ url: mirror.door, token: "ana" }, options);
}

/** Decodes frames by themselves, without a network: how many came out of the decoder, and of which sizes. */
function decode(page, config, frames) {
  const chunks = frames.map(({ key, data }) => [key ? "key" : "delta", data.toString("base64")]);
  return page.evaluate(
    async ([config, chunks]) => {
      const sound = "sampleRate" in config;
      const out = [];
      const errors = [];
      const decoder = new (sound ? AudioDecoder : VideoDecoder)({
        output: (frame) => {
          out.push(sound ? frame.numberOfFrames : frame.displayWidth);
          frame.close();
        },
        error: (error) => errors.push(error.message),
      });
      decoder.configure(config);
      const Chunk = sound ? EncodedAudioChunk : EncodedVideoChunk;
      for (const [index, [type, text]] of chunks.entries()) {
        const data = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        decoder.decode(new Chunk({ type, timestamp: index * 20_000, data }));
      }
      await decoder.flush().catch((error) => errors.push(error.message));
      return { out, errors };
    },
    [config, chunks],
  );
}

/** Frames follow each other in time, in the clock of their format and in ours, and nothing is missing. */
function assertInOrder(frames, clock) {
  assert.equal(frames[0].key, true, "they begin with a key frame");
  assert.ok(!frames.some(({ afterLoss }) => afterLoss), "nothing was lost");
  for (let index = 1; index < frames.length; index += 1) {
    const [before, frame] = [frames[index - 1], frames[index]];
    const step = (frame.timestamp - before.timestamp) >>> 0;
    assert.ok(step > 0 && step < 2 * clock, `${step} ticks before frame ${index}`);
  }
  const [first, last] = [frames[0], frames.at(-1)];
  const ticks = ((last.timestamp - first.timestamp) >>> 0) / clock;
  const seconds = (last.captured - first.captured) / 1e6;
  assert.ok(Math.abs(ticks - seconds) < 0.5, `${ticks} s by their clock, ${seconds} s by ours`);
}

/** What the page gets back of pictures. */
function returned(page) {
  return page.evaluate(async () => {
    const reports = await Promise.all(window.__peerConnections.map((pc) => pc.getStats()));
    const entries = reports.flatMap((report) => [...report.values()]);
    const pictures = entries.find(
      (entry) => entry.type === "inbound-rtp" && entry.kind === "video" && entry.framesDecoded > 0,
    );
    return {
      codec: entries.find(({ id }) => id === pictures?.codecId)?.mimeType,
      width: pictures?.frameWidth,
      lost: pictures?.packetsLost,
    };
  });
}

const CAMERAS = [
  ["VP8", { videoCodec: "vp8" }, "vp8"],
  ["H264", { videoCodec: "h264", simulcast: false }, "avc1.42e01f"],
  ["VP9", { videoCodec: "vp9", scalabilityMode: "L1T3", simulcast: false }, "vp09.00.10.08"],
  ["VP9 in layers", { videoCodec: "vp9", scalabilityMode: "L3T3_KEY" }, "vp09.00.10.08"],
  ["AV1", { videoCodec: "av1", scalabilityMode: "L1T3", simulcast: false }, "av01.0.04M.08"],
  ["AV1 in layers", { videoCodec: "av1", scalabilityMode: "L2T3_KEY" }, "av01.0.04M.08"],
];

for (const [name, options, codec] of CAMERAS) {
  test(`frames of ${name} are decoded from a tap, and sent back they are seen`, async () => {
    const ana = await visitor();
    await ana.evaluate((options) => publishCamera({ ...options, backupCodec: false }), options);

    await untilSeeing(ana, 1, { timeout: 60_000 });
    const mime = `video/${options.videoCodec.toUpperCase()}`;
    await until(
      "the picture in its full size",
      async () => {
        const picture = await returned(ana);
        if (picture.codec === mime && picture.width === 640) return true;
        throw new Error(JSON.stringify(picture));
      },
      { timeout: 60_000 },
    );
    assert.equal((await returned(ana)).lost, 0);

    const frames = await mirror.frames(`camera-${options.videoCodec}`);
    assert.ok(frames.length >= 10, `${frames.length}`);
    assertInOrder(frames, 90_000);
    const { out, errors } = await decode(ana, { codec, optimizeForLatency: true }, frames);
    assert.deepEqual(errors, []);
    assert.equal(out.length, frames.length, "every frame is a picture");
    assert.equal(out.at(-1), 640, `${out}`);
  });
}

for (const red of [false, true]) {
  test(`sound${red ? " that is repeated" : ""} is decoded from a tap, and sent back it is heard`, async () => {
    const ana = await visitor({ publishDefaults: { red, dtx: false } });
    await ana.evaluate(() => room.localParticipant.setMicrophoneEnabled(true));

    await untilHearing(ana, 1);

    const frames = await mirror.frames("microphone-opus");
    assert.ok(frames.length >= 50, `${frames.length}`);
    assertInOrder(frames, 48_000);
    const config = { codec: "opus", sampleRate: 48_000, numberOfChannels: 2 };
    const { out, errors } = await decode(ana, config, frames);
    assert.deepEqual(errors, []);
    const samples = out.reduce((sum, count) => sum + count, 0);
    const last = ((frames.at(-1).timestamp - frames[0].timestamp) >>> 0) + 960;
    assert.ok(Math.abs(samples - last) < 4_800, `${samples} samples instead of ${last}`);
  });
}
