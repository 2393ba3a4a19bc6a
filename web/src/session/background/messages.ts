/** What the page and the worker that draws say to each other. */
import type { Pace } from "./pace";

/** What is behind somebody, ready to be drawn. */
export type Effect =
  | { readonly kind: "blur"; readonly radius: number }
  | { readonly kind: "picture"; readonly picture: ImageBitmap };

export type ToWorker =
  | {
      readonly kind: "start";
      readonly effect: Effect;
      readonly fps: number;
      /** Frames come and go by themselves; without, the worker asks for each (`want`). */
      readonly streams: {
        readonly from: ReadableStream<VideoFrame>;
        readonly to: WritableStream<VideoFrame>;
      } | null;
    }
  | { readonly kind: "effect"; readonly effect: Effect }
  | { readonly kind: "fps"; readonly fps: number }
  /** The answer to `want`; `null` while the camera has nothing to show. */
  | { readonly kind: "frame"; readonly frame: ImageBitmap | null };

export type FromWorker =
  /** The first picture is there. */
  | { readonly kind: "ready" }
  | { readonly kind: "want" }
  | { readonly kind: "drawn"; readonly picture: ImageBitmap }
  /** Comes every few seconds, also as a sign of life. */
  | { readonly kind: "pace"; readonly pace: Pace }
  | { readonly kind: "failed"; readonly why: string };
