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

/** How a browser's media goes now: `{protocol, type, relay, address}` of every connection that carries some. */
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
      return [{ protocol, type, relay, address: report.get(pair.remoteCandidateId)?.address }];
    });
  });
}

/** Waits until media goes as `fits` says: a function of `{protocol, type, relay, address}`, where
 * `address` is the server's. */
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
