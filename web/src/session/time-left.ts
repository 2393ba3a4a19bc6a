/** When a limited meeting warns that it will end. Pure; the session asks every few seconds. */

/** Minutes left, the last warning first. */
const MARKS_MIN = [5, 10, 30, 60] as const;

/** Seconds left of a meeting, or `null` where there is no limit or it has not begun. */
export function secondsLeft(
  startedAt: number,
  durationMinutes: number,
  nowMs: number,
): number | null {
  if (startedAt === 0 || durationMinutes === 0) return null;
  return startedAt + durationMinutes * 60 - Math.floor(nowMs / 1000);
}

/** The warning due between two looks, in minutes. A long sleep between them earns only the last one. */
export function warningBetween(before: number | null, now: number | null): number | null {
  if (before === null || now === null || now <= 0) return null;
  return MARKS_MIN.find((mark) => before > mark * 60 && now <= mark * 60) ?? null;
}
