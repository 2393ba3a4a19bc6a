/**
 * How this browser's line does before anybody has joined: the line of messages, every way by which sound and picture
 * could travel, and how much fits through. Nothing of it is seen in the meeting. Loaded with the green room's notice of it.
 */
import { decodeWays, waysRequest, type MediaWay } from "../wire/connection";
import type { Session } from "./contract";
import { createStore, type Readable } from "./store";
import { tryWay } from "./try-way";

export type Means = "udp" | "tcp" | "relay";

/** What became of one way. */
export interface Trial {
  readonly means: Means;
  /** Host and port, as one would tell whoever runs the network. */
  readonly address: string;
  readonly ok: boolean;
  /** Until the answer came. */
  readonly ms: number | null;
  /** The browser's own words. */
  readonly error: string | null;
}

/** In bits per second. */
export interface Rates {
  readonly down: number;
  readonly up: number;
}

export interface Findings {
  /** Of a message to the server and its answer; `null` while nothing is known. */
  readonly roundTripMs: number | null;
  readonly reachable: boolean | null;
  /** As they come in; there may be nothing to try. */
  readonly trials: readonly Trial[];
  /** Whether more may come. */
  readonly trying: boolean;
  /** Why nothing could be tried. */
  readonly untried: "off" | null;
  readonly rates: Rates | null;
  readonly measuring: boolean;
}

export const NOTHING_YET: Findings = {
  roundTripMs: null,
  reachable: null,
  trials: [],
  trying: true,
  untried: null,
  rates: null,
  measuring: false,
};

/** What it comes to, as one word. */
export type Verdict =
  "checking" | "direct" | "tcp" | "relay" | "blocked" | "offline" | "off" | "unknown" | "slow";

/** Less than this carries sound, but hardly a picture. */
export const THIN_BITS = 400_000;

export function verdictOf(findings: Findings): Verdict {
  const { reachable, trials, trying, untried, rates } = findings;
  if (reachable === false) return "offline";
  if (untried !== null) return untried;
  const works = (means: Means) => trials.some((trial) => trial.means === means && trial.ok);
  // The best way is enough, whatever is still being tried.
  if (reachable === null || (trying && !works("udp"))) return "checking";
  if (trials.length > 0 && !trials.some(({ ok }) => ok)) return "blocked";
  if (rates !== null && Math.min(rates.down, rates.up) < THIN_BITS) return "slow";
  if (trials.length === 0) return "unknown";
  if (works("udp")) return "direct";
  return works("tcp") ? "tcp" : "relay";
}

/** Where there is something to do about it. */
export const isTrouble = (verdict: Verdict): boolean =>
  ["blocked", "offline", "off", "slow"].includes(verdict);

/** What to ask of whoever runs the network: the best of what does not get through, and the surest. */
export function wishes(trials: readonly Trial[]): {
  readonly udp: string | null;
  readonly tcp: string | null;
} {
  const first = (...means: readonly Means[]) =>
    trials.find((trial) => means.includes(trial.means) && !trial.ok)?.address ?? null;
  return { udp: first("udp"), tcp: first("relay") ?? first("tcp") };
}

export function meansOf({ url, isDirect }: MediaWay): Means {
  if (!isDirect) return "relay";
  return /[?&]transport=tcp\b/u.test(url) ? "tcp" : "udp";
}

/** `turn:[2001:db8::1]:8080?transport=udp` is at `[2001:db8::1]:8080`. */
export const addressOf = (url: string): string =>
  url.replace(/^turns?:/u, "").replace(/\?.*$/u, "");

export interface CheckDeps {
  readonly session: Pick<Session, "ask" | "roundTrip">;
  /** The browser's; `undefined` where it is switched off. */
  readonly tryWay: typeof tryWay | undefined;
  now(): number;
}

export interface ConnectionCheck extends Readable<Findings> {
  /** Looks what gets through; anew if it was looked before. */
  start(): void;
  /** Measures how much gets through, once per look. */
  measure(): void;
  dispose(): void;
}

/** Of so many messages the fastest counts: the others had to wait for something. */
const ROUND_TRIPS = 3;
/** What is sent one after the other until it takes long enough to be measured, in octets. */
const SIZES = [32 * 1024, 256 * 1024, 1024 * 1024] as const;
const LONG_ENOUGH_MS = 400;
/** The most that `getRandomValues` gives at a time. */
const RANDOM_AT_ONCE = 65_536;

export function createConnectionCheck(deps: CheckDeps): ConnectionCheck {
  const { session, now } = deps;
  const store = createStore<Findings>(NOTHING_YET);
  const patch = (part: Partial<Findings>) => store.update((before) => ({ ...before, ...part }));
  let running = new AbortController();

  async function lookAtLine(signal: AbortSignal): Promise<void> {
    let roundTripMs = Infinity;
    try {
      for (let count = 0; count < ROUND_TRIPS; count += 1) {
        roundTripMs = Math.min(roundTripMs, await session.roundTrip());
      }
    } catch {
      // What was answered before counts.
    }
    if (signal.aborted) return;
    const reachable = roundTripMs < Infinity;
    patch({ reachable, roundTripMs: reachable ? roundTripMs : null });
  }

  async function lookAtWays(signal: AbortSignal): Promise<void> {
    const { tryWay: attempt } = deps;
    if (!attempt) return patch({ untried: "off", trying: false });
    let ways: readonly MediaWay[];
    try {
      ways = decodeWays(await session.ask(waysRequest()));
    } catch {
      // A server that cannot be asked is said of the line; one that does not know the question has nothing to try.
      if (!signal.aborted) patch({ trying: false });
      return;
    }
    const trying = ways.map(async (way) => {
      const { url, username, credential } = way;
      const outcome = await attempt({ urls: url, username, credential }, signal);
      if (signal.aborted) return;
      const trial = { means: meansOf(way), address: addressOf(url), ...outcome };
      patch({ trials: [...store.getSnapshot().trials, trial] });
    });
    await Promise.all(trying);
    if (!signal.aborted) patch({ trying: false });
  }

  async function bitsPerSecond(send: (octets: number) => Promise<boolean>): Promise<number> {
    let best = 0;
    for (const octets of SIZES) {
      const begun = now();
      if (!(await send(octets))) throw new Error("the octets did not come through");
      const took = now() - begun;
      // The way there and back is no part of what fits through, as far as it is known.
      const idle = Math.min(store.getSnapshot().roundTripMs ?? 0, took / 2);
      best = (octets * 8_000) / Math.max(1, took - idle);
      if (took >= LONG_ENOUGH_MS) break;
    }
    return best;
  }

  async function measureRates(signal: AbortSignal): Promise<void> {
    const octets = (give: number, body: Uint8Array<ArrayBuffer>) => {
      signal.throwIfAborted();
      return session.ask({ path: `plenum/connection/octets?give=${give}`, body });
    };
    const nothing = new Uint8Array();
    const down = await bitsPerSecond(
      async (size) => (await octets(size, nothing)).byteLength === size,
    );
    const noise = noiseOf(Math.max(...SIZES));
    const up = await bitsPerSecond(
      async (size) => (await octets(0, noise.slice(0, size))).byteLength === 0,
    );
    if (!signal.aborted) patch({ rates: { down, up } });
  }

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    start() {
      running.abort();
      running = new AbortController();
      const { signal } = running;
      store.set(NOTHING_YET);
      void lookAtLine(signal);
      void lookAtWays(signal);
    },
    measure() {
      const { measuring, rates } = store.getSnapshot();
      if (measuring || rates !== null) return;
      const { signal } = running;
      patch({ measuring: true });
      // What cannot be measured stays unsaid.
      void measureRates(signal)
        .catch(() => undefined)
        .finally(() => {
          if (!signal.aborted) patch({ measuring: false });
        });
    },
    dispose: () => running.abort(),
  };
}

/** What no proxy on the way can make smaller. */
function noiseOf(octets: number): Uint8Array<ArrayBuffer> {
  const noise = new Uint8Array(octets);
  for (let from = 0; from < octets; from += RANDOM_AT_ONCE) {
    crypto.getRandomValues(noise.subarray(from, from + RANDOM_AT_ONCE));
  }
  return noise;
}
