/** Whether this browser can put a background behind somebody. */

/** A module with one instruction on vectors (WebAssembly SIMD): only who knows them finds it valid. */
const WITH_VECTORS = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15,
  253, 98, 11,
]);

/** Cameras as streams of frames, without a detour over the screen: Chromium. */
export const hasFrameStreams = (): boolean =>
  "MediaStreamTrackProcessor" in globalThis && "MediaStreamTrackGenerator" in globalThis;

let known: boolean | null = null;

export function canHaveBackground(): boolean {
  known ??= look();
  return known;
}

function look(): boolean {
  try {
    // A worker starts only from the page's own origin; who embeds the client may load it from another.
    if (new URL(import.meta.url).origin !== location.origin) return false;
    const canDraw =
      typeof OffscreenCanvas === "function" &&
      new OffscreenCanvas(1, 1).getContext("2d") !== null &&
      typeof createImageBitmap === "function";
    const canSend = hasFrameStreams() || "captureStream" in HTMLCanvasElement.prototype;
    return canDraw && canSend && typeof Worker === "function" && WebAssembly.validate(WITH_VECTORS);
  } catch {
    return false;
  }
}
