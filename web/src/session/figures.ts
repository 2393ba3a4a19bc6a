/** How the line does, read from what the browser counts. Pure, so that a test can count too. */

export interface Figures {
  /** There and back; `null` while nothing has been measured. */
  readonly roundTripMs: number | null;
  /** The part of packets lost on the way here and on the way out, 0 to 1. */
  readonly lossIn: number | null;
  readonly lossOut: number | null;
  /** Since each track began. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** One entry of a statistics report, of which only a few numbers are looked at. */
export type Entry = Readonly<Record<string, unknown>>;

/**
 * Sums up reports of all tracks. Entries that several reports share are counted once, by their id, which is unique
 * per connection: give each connection's reports a `prefix`.
 */
export function figuresOf(reports: Iterable<readonly [prefix: string, entry: Entry]>): Figures {
  const seen = new Set<string>();
  const trips: number[] = [];
  const inward = { lost: 0, got: 0 };
  const outward: number[] = [];
  const bytes = { in: 0, out: 0 };
  for (const [prefix, entry] of reports) {
    const id = `${prefix}${String(entry["id"])}`;
    if (seen.has(id)) continue;
    seen.add(id);
    switch (entry["type"]) {
      case "candidate-pair":
        if (entry["nominated"] === true && entry["state"] === "succeeded") {
          trips.push(...number(entry["currentRoundTripTime"]));
        }
        break;
      case "inbound-rtp":
        inward.lost += Math.max(0, number(entry["packetsLost"])[0] ?? 0);
        inward.got += number(entry["packetsReceived"])[0] ?? 0;
        bytes.in += number(entry["bytesReceived"])[0] ?? 0;
        break;
      case "outbound-rtp":
        bytes.out += number(entry["bytesSent"])[0] ?? 0;
        break;
      case "remote-inbound-rtp":
        outward.push(...number(entry["fractionLost"]));
        break;
    }
  }
  const all = inward.lost + inward.got;
  return {
    roundTripMs: trips.length === 0 ? null : Math.max(...trips) * 1000,
    lossIn: all === 0 ? null : inward.lost / all,
    lossOut:
      outward.length === 0 ? null : outward.reduce((sum, part) => sum + part, 0) / outward.length,
    bytesIn: bytes.in,
    bytesOut: bytes.out,
  };
}

/** Bits per second between two looks; `null` where a track began anew meanwhile, or nothing can be said yet. */
export function bitRate(before: number, now: number, seconds: number): number | null {
  return seconds <= 0 || now < before ? null : ((now - before) * 8) / seconds;
}

const number = (value: unknown): readonly number[] =>
  typeof value === "number" && Number.isFinite(value) ? [value] : [];
