/**
 * Whether sound and picture really flow, judged from counters that grow while they do. Pure; `livekit-flow.ts` reads the
 * counters.
 */

/** Why a device of mine gives nothing although it is on. */
export type DeviceTrouble =
  /** The system, or a switch on the device, holds it back. */
  | "muted"
  /** It is open, and nothing comes. */
  | "still"
  /** Something comes, and it is perfect silence. */
  | "silent";

export type StuckDevices = Readonly<Record<"microphone" | "camera", DeviceTrouble | null>>;

/** How long nothing may come before it is said: sooner, and every hiccup would be. */
const MUTED_MS = 3_000;
const STILL_MS = 6_000;
/** A way that carries nothing is still asked every 2.5 seconds whether it is there. */
const WAY_MS = 5_000;
/** A live microphone always hisses, but some programs cut the hiss between two sentences. */
const SILENT_MS = 10_000;
/** Without a look for so long, nobody knows what was meanwhile: the machine slept. */
const GAP_MS = 10_000;

export interface FlowSample {
  /** Grows while something comes; `null` where the browser does not count it. */
  readonly count: number | null;
  /** Whether anything should come. */
  readonly expected: boolean;
  /** Milliseconds on any clock that only goes forward. */
  readonly now: number;
}

/** Says of one counter after the other whether it has stood still for too long. */
export function createFlowJudge(patienceMs: number): (sample: FlowSample) => boolean {
  let last: number | null = null;
  let since = 0;
  let looked = 0;
  return ({ count, expected, now }) => {
    const gap = now - looked > GAP_MS;
    looked = now;
    if (!expected || count === null) {
      last = null;
      return false;
    }
    if (last === null || count !== last || gap) {
      last = count;
      since = now;
      return false;
    }
    return now - since >= patienceMs;
  };
}

/** A picture of somebody else that should be there. */
export const createPictureJudge = () => createFlowJudge(STILL_MS);

/** The way by which sound and pictures travel. */
export const createWayJudge = () => createFlowJudge(WAY_MS);

export interface DeviceSample {
  readonly now: number;
  /** Switched on and published. */
  readonly on: boolean;
  /** `MediaStreamTrack.muted`: nothing to do with the switch in the meeting. */
  readonly held: boolean;
  /** Pictures, or seconds of sound, that the device gave; `null` where the browser does not count them. */
  readonly given: number | null;
  /** Grows with every sound; `null` for a camera, and where nobody listens. */
  readonly energy: number | null;
}

/** Judges one device, sample by sample. */
export function createDeviceJudge(): (sample: DeviceSample) => DeviceTrouble | null {
  const held = createFlowJudge(MUTED_MS);
  const still = createFlowJudge(STILL_MS);
  const silent = createFlowJudge(SILENT_MS);
  return ({ now, on, held: isHeld, given, energy }) => {
    const verdicts = {
      muted: held({ count: 0, expected: on && isHeld, now }),
      still: still({ count: given, expected: on && !isHeld, now }),
      silent: silent({ count: energy, expected: on && !isHeld, now }),
    };
    if (verdicts.muted) return "muted";
    if (verdicts.still) return "still";
    return verdicts.silent ? "silent" : null;
  };
}

/** One entry of a statistics report, of which only a few numbers are looked at. */
type Entry = Readonly<Record<string, unknown>>;

const number = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;

/** What the sender of a device of mine counts of it. */
export function givenIn(entries: Iterable<Entry>): Pick<DeviceSample, "given" | "energy"> {
  for (const entry of entries) {
    if (entry["type"] !== "media-source") continue;
    return {
      given: number(entry[entry["kind"] === "audio" ? "totalSamplesDuration" : "frames"]),
      energy: number(entry["totalAudioEnergy"]),
    };
  }
  return { given: null, energy: null };
}

/** What the receiver of a picture counts: pictures of a camera; of a screen that may stand still, whatever comes. */
export function arrivedIn(entries: Iterable<Entry>, source: "camera" | "screen"): number | null {
  for (const entry of entries) {
    if (entry["type"] !== "inbound-rtp" || entry["kind"] !== "video") continue;
    return number(entry[source === "camera" ? "framesDecoded" : "packetsReceived"]);
  }
  return null;
}

/** What came over the way in use, answers to the browser's own questions included; `null` where that is not counted. */
export function heardOver(entries: readonly Entry[]): number | null {
  const chosen = entries.find(({ type }) => type === "transport")?.["selectedCandidatePairId"];
  const pair = entries.find(
    ({ type, id, selected }) =>
      type === "candidate-pair" && (chosen === undefined ? selected === true : id === chosen),
  );
  const counts = [number(pair?.["bytesReceived"]), number(pair?.["responsesReceived"])];
  return counts.every((count) => count === null)
    ? null
    : counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
}
