/**
 * What the microphone hears of its owner, judged sample by sample: someone talking although muted, or a
 * microphone so silent that it must be switched off somewhere. Pure; the engine feeds it.
 */

/** Loudness (0 to 1) that counts as talking, and how long it must last to earn the hint. */
const TALKING_LEVEL = 0.12;
const TALKING_MS = 600;
/** A live microphone always hisses; true zero for this long means that something is switched off. */
const DEAD_MS = 5_000;

export type VoiceFinding = "talking-while-muted" | "dead" | null;

export interface VoiceSample {
  /** 0 to 1. */
  readonly level: number;
  readonly muted: boolean;
  /** Milliseconds on any clock that only goes forward. */
  readonly now: number;
}

/** Judges one stream of samples. A dead microphone is reported once, muted talk every time. */
export function createVoiceJudge(): (sample: VoiceSample) => VoiceFinding {
  let talkingSince: number | null = null;
  let deadSince: number | null = null;
  let deadTold = false;
  return ({ level, muted, now }) => {
    talkingSince = muted && level >= TALKING_LEVEL ? (talkingSince ?? now) : null;
    deadSince = !muted && level === 0 ? (deadSince ?? now) : null;
    if (talkingSince !== null && now - talkingSince >= TALKING_MS) {
      talkingSince = null;
      return "talking-while-muted";
    }
    if (deadSince !== null && !deadTold && now - deadSince >= DEAD_MS) {
      deadTold = true;
      return "dead";
    }
    return null;
  };
}
