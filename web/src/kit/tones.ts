/** Short tones, made here: nothing to download. */

/** Seconds. */
const TONE_S = 0.28;

export interface Tones {
  readonly frequencies: readonly number[];
  /** Of one tone, in seconds. */
  readonly length?: number;
  /** 0 to 1. */
  readonly volume?: number;
}

/** Plays them one after the other on the speaker with this id, or on the usual one. */
export async function playTones(
  { frequencies, length = TONE_S, volume = 0.12 }: Tones,
  speaker: string | null,
): Promise<void> {
  const context = new AudioContext();
  const sink = context as AudioContext & { setSinkId?: (id: string) => Promise<void> };
  // A speaker that is gone falls back to the usual one.
  if (speaker) await sink.setSinkId?.(speaker).catch(() => undefined);
  const gain = context.createGain();
  gain.gain.value = volume;
  gain.connect(context.destination);
  frequencies.forEach((frequency, index) => {
    const tone = context.createOscillator();
    tone.frequency.value = frequency;
    tone.connect(gain);
    tone.start(context.currentTime + index * length);
    tone.stop(context.currentTime + (index + 1) * length);
    if (index === frequencies.length - 1) {
      tone.addEventListener("ended", () => void context.close());
    }
  });
}
