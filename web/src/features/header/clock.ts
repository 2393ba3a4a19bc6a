/** What the header's clock shows, as a pure function of the room and the time. */

export interface ClockFace {
  readonly kind: "elapsed" | "left";
  readonly text: string;
}

/** The last stretch of a limited meeting counts down. */
const COUNTDOWN_MINUTES = 60;

/**
 * `startedAt` in unix seconds, `durationMinutes` 0 for no limit, `now` in milliseconds of server time.
 * Nothing before the meeting has started.
 */
export function clockFace(
  startedAt: number,
  durationMinutes: number,
  now: number,
): ClockFace | null {
  if (startedAt === 0) return null;
  const elapsed = Math.max(0, Math.floor(now / 1000) - startedAt);
  const left = durationMinutes * 60 - elapsed;
  if (durationMinutes > 0 && left <= COUNTDOWN_MINUTES * 60) {
    return { kind: "left", text: clockText(Math.max(0, left)) };
  }
  return { kind: "elapsed", text: clockText(elapsed) };
}

/** `m:ss`, or `h:mm:ss` from one hour on. */
export function clockText(seconds: number): string {
  const pad = (part: number) => String(part).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}
