/** Whether the device keeps up with what it has to draw. Pure. */

/** What the drawing side tells now and then. */
export interface Pace {
  /** Frames drawn in a second. */
  readonly fps: number;
  /** The part of the time that drawing took, 0 to 1. */
  readonly busy: number;
}

export const USUAL_FPS = 24;
export const SAVING_FPS = 10;

/** Fewer than this share of the frames, with no time left, is not keeping up. */
const ENOUGH = 0.5;
const NO_TIME_LEFT = 0.85;
/** A moment of it is nothing: a page that loads, a window that opens. */
const LOOKS = 3;

/** Says "slow" once each time it has been so for a while. */
export function createPaceJudge(): (pace: Pace, wantedFps: number) => "slow" | null {
  let late = 0;
  return ({ fps, busy }, wantedFps) => {
    const keepsUp = busy < NO_TIME_LEFT || fps >= wantedFps * ENOUGH;
    late = keepsUp ? 0 : late + 1;
    return late === LOOKS ? "slow" : null;
  };
}

/** The largest picture that is drawn (client-features.md section 8), lying or standing. */
const LONG_SIDE = 640;
const SHORT_SIDE = 480;

/** The size in which a picture of this size is drawn: as it is, or smaller in the same shape; always even. */
export function drawnSize(width: number, height: number): { width: number; height: number } {
  const [most, least] = width >= height ? [LONG_SIDE, SHORT_SIDE] : [SHORT_SIDE, LONG_SIDE];
  const scale = Math.min(1, most / width, least / height);
  const even = (length: number) => Math.max(2, Math.round((length * scale) / 2) * 2);
  return { width: even(width), height: even(height) };
}
