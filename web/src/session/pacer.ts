/** Lets one thing after the other through, in order and no faster than a pace. */
import { createInTurn, type InTurn } from "./in-turn";

export interface Pace {
  /** So many at once. */
  readonly burst: number;
  /** And then one in so many milliseconds. */
  readonly everyMs: number;
}

/** `now` is milliseconds on any clock. */
export function createPacer({ burst, everyMs }: Pace, now: () => number): InTurn {
  const inTurn = createInTurn();
  /** Runs ahead of the clock by what has been let through. */
  let used = 0;
  const turn = async (work: () => Promise<void>) => {
    const wait = Math.min(used - now() - (burst - 1) * everyMs, everyMs);
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    used = Math.max(used, now()) + everyMs;
    await work();
  };
  return (work) => inTurn(() => turn(work));
}
