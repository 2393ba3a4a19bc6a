// What really arrives: read from the browser's own statistics, not from what the page claims.
import { pause, until } from "./until.mjs";

/** Runs in the page before its own code: remembers every peer connection it makes. */
export function rememberPeerConnections() {
  const Native = window.RTCPeerConnection;
  const made = [];
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      made.push(this);
    }
  };
  Object.defineProperty(window, "__peerConnections", { value: made });
}

/**
 * Runs in the page before its own code: notes of every signal connection for media when it ended, and when which answers came, in
 * milliseconds since the epoch: `{ended, answers}`, the answers `[field, when]` with the number of the field of
 * `livekit.SignalResponse`.
 */
export function rememberSignalConnections() {
  const Native = window.WebSocket;
  const made = [];
  /** The key of the first field, a varint, without the three bits that say its type. */
  const fieldOf = ([low, high]) => ((low & 0x7f) | (low & 0x80 ? high << 7 : 0)) >> 3;
  window.WebSocket = class extends Native {
    constructor(...args) {
      super(...args);
      if (!new URL(this.url).pathname.startsWith("/rtc")) return;
      const note = { ended: null, answers: [] };
      made.push(note);
      this.addEventListener("close", () => (note.ended = Date.now()));
      this.addEventListener("message", ({ data }) => {
        note.answers.push([fieldOf(new Uint8Array(data)), Date.now()]);
      });
    }
  };
  Object.defineProperty(window, "__signalConnections", { value: made });
}

/** The fake cameras 1 and 2 have formats (depth, MJPEG) that are not encoded. */
const UNUSABLE_CAMERAS = 2;

/** The fake camera of the person on that seat, counted from 0. */
export function cameraOf(seat) {
  return `fake_device_${seat === 0 ? 0 : seat + UNUSABLE_CAMERAS}`;
}

/** What cameras give unless a test wants more: encoding a large picture three times is most of what a meeting takes here. */
export const SMALL_CAMERA = { width: { ideal: 640 }, height: { ideal: 360 } };

/**
 * Runs in the page before its own code: the camera is the one of that name, unless the page insists on another, and gives
 * pictures of that size, or of the one the page wants.
 *
 * Everybody is in the same browser process. Its fake camera falls still for good, for all of them, when two people who
 * share it put it down and take it up again in the same moment, which is what a restart of the server makes them do.
 */
export function useOwnCamera({ label, size }) {
  const media = globalThis.MediaDevices?.prototype;
  if (!media) return;
  const native = media.getUserMedia;
  media.getUserMedia = async function (constraints) {
    const wanted = constraints?.video;
    if (!wanted) return native.call(this, constraints);
    const own = { ...(wanted === true ? {} : wanted), ...size };
    if (!own.deviceId?.exact) {
      const camera = (await this.enumerateDevices()).find((device) => device.label === label);
      if (camera) own.deviceId = { exact: camera.deviceId };
    }
    return native.call(this, { ...constraints, video: own });
  };
}

/**
 * Runs in the page before its own code: a voice that never pauses. The beep of the fake microphone is too short for
 * anybody to count as speaking.
 */
export function humInsteadOfBeeping() {
  const { mediaDevices } = navigator;
  if (!mediaDevices) return;
  const native = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (wish) => {
    if (!wish?.audio) return native(wish);
    const stream = wish.video ? await native({ video: wish.video }) : new MediaStream();
    const context = new AudioContext();
    const mouth = context.createMediaStreamDestination();
    const voice = context.createOscillator();
    voice.frequency.value = 180;
    voice.connect(mouth);
    voice.start();
    stream.addTrack(mouth.stream.getAudioTracks()[0]);
    return stream;
  };
}

/**
 * Runs in the page before its own code: somebody who is silent, truly, until told by `__speak(true)`. The pauses of the fake
 * microphone are too short for anything to be left out.
 */
export function speakWhenTold() {
  const { mediaDevices } = navigator;
  if (!mediaDevices) return;
  const native = mediaDevices.getUserMedia.bind(mediaDevices);
  const mouths = [];
  let level = 0;
  window.__speak = (on) => {
    level = on ? 1 : 0;
    for (const mouth of mouths) mouth.gain.value = level;
  };
  mediaDevices.getUserMedia = async (wish) => {
    if (!wish?.audio) return native(wish);
    const stream = wish.video ? await native({ video: wish.video }) : new MediaStream();
    const context = new AudioContext();
    const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    const mouth = new GainNode(context, { gain: level });
    const voice = new OscillatorNode(context, { frequency: 180 });
    voice.connect(mouth).connect(out);
    voice.start();
    mouths.push(mouth);
    stream.addTrack(out.stream.getAudioTracks()[0]);
    return stream;
  };
}

/**
 * Runs in the page before its own code: the screen that is shared is a moving picture with stereo sound, a tone on one side alone:
 * `__side("left")` or `__side("right")`.
 */
export function shareStereo() {
  const { mediaDevices } = navigator;
  if (!mediaDevices) return;
  const sides = { left: null, right: null };
  window.__side = (loud) => {
    for (const side of Object.keys(sides)) sides[side].gain.value = side === loud ? 1 : 0;
  };
  mediaDevices.getDisplayMedia = async () => {
    const canvas = document.createElement("canvas");
    const pen = canvas.getContext("2d");
    setInterval(() => {
      pen.fillStyle = `hsl(${(Date.now() / 20) % 360} 80% 50%)`;
      pen.fillRect(0, 0, canvas.width, canvas.height);
    }, 200);
    const context = new AudioContext();
    const tone = new OscillatorNode(context, { frequency: 440 });
    const merger = new ChannelMergerNode(context, { numberOfInputs: 2 });
    for (const [channel, side] of Object.keys(sides).entries()) {
      sides[side] = new GainNode(context, { gain: 0 });
      tone.connect(sides[side]).connect(merger, 0, channel);
    }
    const out = new MediaStreamAudioDestinationNode(context, { channelCount: 2 });
    merger.connect(out);
    tone.start();
    return new MediaStream([
      ...canvas.captureStream(5).getVideoTracks(),
      ...out.stream.getAudioTracks(),
    ]);
  };
}

/**
 * One entry per incoming track: `{track, kind, frames, energy, packets, width}`.
 *
 * `frames` are decoded pictures; `energy` is the sound that was really played out (RFC 6464 levels integrated over
 * time), zero for silence.
 */
export function received(page) {
  return page.evaluate(async () => {
    const open = window.__peerConnections.filter((pc) => pc.connectionState !== "closed");
    const reports = await Promise.all(open.map((pc) => pc.getStats()));
    return reports.flatMap((report) =>
      [...report.values()]
        .filter((entry) => entry.type === "inbound-rtp")
        .map((entry) => ({
          track: entry.trackIdentifier,
          kind: entry.kind,
          frames: entry.framesDecoded ?? 0,
          energy: entry.totalAudioEnergy ?? 0,
          packets: entry.packetsReceived ?? 0,
          width: entry.frameWidth ?? 0,
        })),
    );
  });
}

/** How loud the only sound that is played on a page is at this moment, `{left, right}`, 0 to 1. */
export function loudnessOfSides(page) {
  return page.evaluate(async () => {
    const tracks = [...document.querySelectorAll("audio, video")].flatMap(
      (element) => element.srcObject?.getAudioTracks() ?? [],
    );
    if (tracks.length !== 1) throw new Error(`${tracks.length} sounds`);
    const context = new AudioContext();
    const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
    new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream(tracks) }).connect(
      splitter,
    );
    const ears = [0, 1].map((channel) => {
      const ear = new AnalyserNode(context);
      splitter.connect(ear, channel);
      return ear;
    });
    // What an analyser looks back on has to have been played.
    await new Promise((done) => {
      setTimeout(done, 300);
    });
    const [left, right] = ears.map((ear) => {
      const samples = new Float32Array(ear.fftSize);
      ear.getFloatTimeDomainData(samples);
      return Math.max(...samples.map(Math.abs));
    });
    await context.close();
    return { left, right };
  });
}

/** How many packets of sound and of pictures a page has sent so far. */
export function sent(page) {
  return page.evaluate(async () => {
    const open = window.__peerConnections.filter((pc) => pc.connectionState !== "closed");
    const reports = await Promise.all(open.map((pc) => pc.getStats()));
    const counts = { audio: 0, video: 0 };
    for (const entry of reports.flatMap((report) => [...report.values()])) {
      if (entry.type === "outbound-rtp") counts[entry.kind] += entry.packetsSent ?? 0;
    }
    return counts;
  });
}

/**
 * Runs in the page before its own code: devices that nothing switches off. Whatever the client stops, mutes or takes away
 * is sent on, as by somebody who has changed the client.
 */
export function neverFallSilent() {
  const nothing = () => undefined;
  MediaStreamTrack.prototype.stop = nothing;
  Object.defineProperty(MediaStreamTrack.prototype, "enabled", { get: () => true, set: nothing });
  RTCPeerConnection.prototype.removeTrack = nothing;
  RTCRtpSender.prototype.replaceTrack = () => Promise.resolve();
  RTCRtpSender.prototype.setParameters = () => Promise.resolve();
  RTCRtpTransceiver.prototype.stop = nothing;
  const direction = Object.getOwnPropertyDescriptor(RTCRtpTransceiver.prototype, "direction");
  Object.defineProperty(RTCRtpTransceiver.prototype, "direction", {
    ...direction,
    set(wanted) {
      if (/send/u.test(wanted)) direction.set.call(this, wanted);
    },
  });
}

/** Tracks whose `field` grew between two looks. */
function growing(before, after, kind, field) {
  const was = new Map(before.map((entry) => [entry.track, entry[field]]));
  return after.filter((entry) => entry.kind === kind && entry[field] > (was.get(entry.track) ?? 0));
}

/** Waits until at least `count` pictures move. */
export async function untilSeeing(page, count, options) {
  return untilGrowing(page, `${count} moving picture(s)`, "video", "frames", count, options);
}

/** Waits until at least `count` voices are heard. The fake microphone beeps once a second. */
export async function untilHearing(page, count, options) {
  return untilGrowing(
    page,
    `${count} voice(s) that are not silence`,
    "audio",
    "energy",
    count,
    options,
  );
}

/** Nobody is heard, two looks in a row. */
export function untilSilent(page, options) {
  return untilStill(page, "silence", "audio", "energy", options);
}

/** No picture moves, two looks in a row. */
export function untilFrozen(page, options) {
  return untilStill(page, "no moving picture", "video", "frames", options);
}

/**
 * How a browser's media goes now: `{protocol, type, relay, address, roundTrip}` of every connection that carries some; `address` is
 * the server's, `roundTrip` what the last check of the way took, in seconds.
 */
function ways(page) {
  return page.evaluate(async () => {
    const open = window.__peerConnections.filter((pc) => pc.connectionState === "connected");
    const reports = await Promise.all(open.map((pc) => pc.getStats()));
    return reports.flatMap((report) => {
      const transport = [...report.values()].find((entry) => entry.type === "transport");
      const pair = report.get(transport?.selectedCandidatePairId);
      const local = report.get(pair?.localCandidateId);
      if (!local) return [];
      const { protocol, candidateType: type, relayProtocol: relay = null } = local;
      const address = report.get(pair.remoteCandidateId)?.address;
      return [{ protocol, type, relay, address, roundTrip: pair.currentRoundTripTime ?? 0 }];
    });
  });
}

/** Waits until media goes as `fits` says, a function of what `ways` gives, on every connection. */
export function untilWay(page, what, fits, options) {
  return until(
    `media over ${what}`,
    async () => {
      const found = await ways(page);
      if (found.length > 0 && found.every(fits)) return true;
      throw new Error(JSON.stringify(found));
    },
    options,
  );
}

async function untilStill(page, what, kind, field, { timeout = 30_000 } = {}) {
  let before = await received(page);
  let stillLooks = 0;
  return until(
    what,
    async () => {
      await pause(BETWEEN_LOOKS_MS);
      const after = await received(page);
      const moving = growing(before, after, kind, field);
      before = after;
      stillLooks = moving.length === 0 ? stillLooks + 1 : 0;
      return stillLooks >= 2;
    },
    { timeout },
  );
}

const BETWEEN_LOOKS_MS = 1_500;

async function untilGrowing(page, what, kind, field, count, { timeout = 30_000 } = {}) {
  let before = await received(page);
  return until(
    what,
    async () => {
      await pause(BETWEEN_LOOKS_MS);
      const after = await received(page);
      const grown = growing(before, after, kind, field);
      before = after;
      if (grown.length >= count) return grown;
      throw new Error(`${grown.length} of ${count}; all tracks: ${JSON.stringify(after)}`);
    },
    { timeout },
  );
}

/** Waits until exactly `count` pictures move over one look. */
export function untilSeeingExactly(page, count, options) {
  return untilExactly(page, `exactly ${count} moving picture(s)`, "frames", count, options);
}

/** Waits until packets of exactly `count` pictures come over one look, shown or not. */
export function untilFetchingExactly(page, count, options) {
  return untilExactly(page, `packets of ${count} picture(s)`, "packets", count, options);
}

async function untilExactly(page, what, field, count, { timeout = 30_000 } = {}) {
  return until(
    what,
    async () => {
      const before = await received(page);
      await pause(BETWEEN_LOOKS_MS);
      const after = await received(page);
      const grown = growing(before, after, "video", field);
      if (grown.length === count) return true;
      const told = JSON.stringify({ before, after });
      throw new Error(`${grown.length} instead of ${count}; all tracks: ${told}`);
    },
    { timeout },
  );
}
