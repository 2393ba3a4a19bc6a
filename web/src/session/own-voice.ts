/**
 * What the microphone hears of its owner, judged sample by sample: someone talking although muted. Pure; the engine
 * feeds it.
 */

/** Loudness (0 to 1) that counts as talking, and how long it must last to earn the hint. */
const TALKING_LEVEL = 0.12;
const TALKING_MS = 600;

export type VoiceFinding = "talking-while-muted" | null;

export interface VoiceSample {
  /** 0 to 1. */
  readonly level: number;
  readonly muted: boolean;
  /** Milliseconds on any clock that only goes forward. */
  readonly now: number;
}

/** Judges one stream of samples; talk is reported every time. */
export function createVoiceJudge(): (sample: VoiceSample) => VoiceFinding {
  let talkingSince: number | null = null;
  return ({ level, muted, now }) => {
    talkingSince = muted && level >= TALKING_LEVEL ? (talkingSince ?? now) : null;
    if (talkingSince !== null && now - talkingSince >= TALKING_MS) {
      talkingSince = null;
      return "talking-while-muted";
    }
    return null;
  };
}
