/** How loud a stream is, for the meter in the green room and the "you are muted" hint. */

const INTERVAL_MS = 80;
/** Quiet speech fills about a third of the meter at this gain. */
const GAIN = 5;

/** Root mean square of one block of samples, brought to 0..1. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length === 0 ? 0 : Math.min(1, Math.sqrt(sum / samples.length) * GAIN);
}

/** What wakes an audio context that the browser keeps asleep until somebody does something. */
const GESTURES = ["pointerdown", "keydown", "touchend"] as const;

/**
 * Reports the level (0 to 1) with a monotonic time in milliseconds, until the returned stop is called.
 *
 * A browser may keep sound processing asleep until the first click or key; `asleep` hears of that, and
 * nothing is reported meanwhile: silence that was not measured is no silence.
 */
export function watchLevel(
  stream: MediaStream,
  tell: (level: number, now: number) => void,
  asleep: (asleep: boolean) => void = () => undefined,
): () => void {
  const context = new AudioContext();
  const source = context.createMediaStreamSource(stream);
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const isRunning = () => context.state === "running";
  const wake = () => {
    // Refused until the browser takes the gesture as one; the next gesture tries again.
    if (!isRunning()) context.resume().catch(() => undefined);
  };
  const onState = () => asleep(!isRunning());
  context.addEventListener("statechange", onState);
  for (const gesture of GESTURES) document.addEventListener(gesture, wake, true);
  wake();
  onState();
  const timer = setInterval(() => {
    if (!isRunning()) return;
    analyser.getFloatTimeDomainData(samples);
    tell(loudness(samples), performance.now());
  }, INTERVAL_MS);
  return () => {
    clearInterval(timer);
    for (const gesture of GESTURES) document.removeEventListener(gesture, wake, true);
    context.removeEventListener("statechange", onState);
    source.disconnect();
    // Closing twice is the only way this fails, and then it is closed.
    context.close().catch(() => undefined);
  };
}
