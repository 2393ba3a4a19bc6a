const ANSWER_MS = 2_000;

/**
 * Whether the server answers at all: one line to it that is silent although others get through is dead, and another one has to
 * be made. Without a network there would be none to make.
 */
export async function serverAnswers(): Promise<boolean> {
  try {
    await fetch("/healthCheck", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
    return true;
  } catch {
    return false;
  }
}
