// Waiting for a state, never for a duration. Every wait has a bound, and says what it waited for and what it last saw.

const POLL_MS = 100;
const DEFAULT_TIMEOUT_MS = 20_000;

/** Settles after `ms`; only to pace polling and to space two measurements. */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Asks `probe` until it gives something truthy, and returns that.
 *
 * An error thrown by the probe counts as "not yet"; it is named when the time is over.
 */
export async function until(what, probe, { timeout = DEFAULT_TIMEOUT_MS, every = POLL_MS } = {}) {
  const end = performance.now() + timeout;
  let last;
  do {
    try {
      last = await probe();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await pause(every);
  } while (performance.now() < end);
  const seen = last instanceof Error ? last.message : JSON.stringify(last);
  throw new Error(`gave up after ${timeout} ms waiting for ${what}; last seen: ${seen}`);
}
