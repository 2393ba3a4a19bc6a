/**
 * Draws somebody in front of something else, away from the page, so that neither gets in the other's way. What goes
 * wrong is said and nothing is sent on: a frame leaves drawn or not at all.
 */
import { GaussianBlurBackgroundProcessorPipeline } from "@twilio/video-processors/es5/processors/background/pipelines/backgroundprocessorpipeline/GaussianBlurBackgroundProcessorPipeline";
import { VirtualBackgroundProcessorPipeline } from "@twilio/video-processors/es5/processors/background/pipelines/backgroundprocessorpipeline/VirtualBackgroundProcessorPipeline";
import { ImageFit } from "@twilio/video-processors/es5/types";
import type { Effect, FromWorker, ToWorker } from "./messages";
import { drawnSize } from "./pace";

const PACE_MS = 2_000;
/** So many frames one after another that could not be drawn are no accident. */
const MAX_FAULTS = 10;
/** Softens the edge of a person, in pixels; the library's own value. */
const EDGE = 8;
/** Frames do not come to the millisecond. */
const EARLY_MS = 6;

const OPTIONS = { assetsPath: "", deferInputFrameDownscale: false, maskBlurRadius: EDGE };

class Blur extends GaussianBlurBackgroundProcessorPipeline {
  onLost(tell: () => void) {
    this["_webgl2Canvas"].addEventListener("webglcontextlost", tell);
  }
}

class Picture extends VirtualBackgroundProcessorPipeline {
  onLost(tell: () => void) {
    this["_webgl2Canvas"].addEventListener("webglcontextlost", tell);
  }
}

const say = (message: FromWorker, transfer: Transferable[] = []) =>
  globalThis.postMessage(message, { transfer });
const fail = (why: unknown) => say({ kind: "failed", why: String(why) });
const lost = () => fail("the graphics processor went away");

let painter: Blur | Picture | null = null;
let fps = 1;
let isReady = false;
let faults = 0;
let drawn = 0;
let busyMs = 0;

async function put(effect: Effect): Promise<void> {
  if (effect.kind === "blur") {
    if (painter instanceof Blur) return painter.setBlurFilterRadius(effect.radius);
    const blur = new Blur({ ...OPTIONS, blurFilterRadius: effect.radius });
    blur.onLost(lost);
    await blur.loadTwilioTFLite();
    painter = blur;
    return;
  }
  const picture =
    painter instanceof Picture ? painter : new Picture({ ...OPTIONS, fitType: ImageFit.Cover });
  await picture.setBackgroundImage(effect.picture);
  if (picture === painter) return;
  picture.onLost(lost);
  await picture.loadTwilioTFLite();
  painter = picture;
}

const inSize = new OffscreenCanvas(2, 2);
const inSizeContext = inSize.getContext("2d", { alpha: false });

/** The picture with its background, or `null` where it could not be drawn. The canvas is drawn on again next time. */
async function draw(frame: VideoFrame | ImageBitmap): Promise<OffscreenCanvas | null> {
  const began = performance.now();
  try {
    const [width, height] =
      frame instanceof ImageBitmap
        ? [frame.width, frame.height]
        : [frame.displayWidth, frame.displayHeight];
    const size = drawnSize(width, height);
    if (inSize.width !== size.width) inSize.width = size.width;
    if (inSize.height !== size.height) inSize.height = size.height;
    inSizeContext?.drawImage(frame, 0, 0, size.width, size.height);
    const canvas = await painter?.render(inSize);
    if (!(canvas instanceof OffscreenCanvas)) throw new Error("nothing was drawn");
    faults = 0;
    drawn += 1;
    return canvas;
  } catch (error) {
    faults += 1;
    if (faults >= MAX_FAULTS) fail(error);
    return null;
  } finally {
    frame.close();
    busyMs += performance.now() - began;
  }
}

function firstIsThere(): void {
  if (isReady) return;
  isReady = true;
  say({ kind: "ready" });
}

async function follow(
  from: ReadableStream<VideoFrame>,
  to: WritableStream<VideoFrame>,
): Promise<void> {
  const reader = from.getReader();
  const writer = to.getWriter();
  let next = 0;
  for (;;) {
    const { done, value: frame } = await reader.read();
    if (done) return;
    const now = performance.now();
    if (now < next - EARLY_MS) {
      frame.close();
      continue;
    }
    next = Math.max(next, now - 1_000 / fps) + 1_000 / fps;
    const { timestamp } = frame;
    const canvas = await draw(frame);
    if (!canvas) continue;
    await writer.write(new VideoFrame(canvas, { timestamp, alpha: "discard" }));
    firstIsThere();
  }
}

/** Timers of a worker go on where those of a page out of sight hardly do. */
async function ask(): Promise<void> {
  for (;;) {
    const began = performance.now();
    const answer = new Promise<ImageBitmap | null>((resolve) => (answered = resolve));
    say({ kind: "want" });
    const frame = await answer;
    const canvas = frame && (await draw(frame));
    if (canvas) {
      const picture = canvas.transferToImageBitmap();
      say({ kind: "drawn", picture }, [picture]);
      firstIsThere();
    }
    const left = 1_000 / fps - (performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, left)));
  }
}
let answered: (frame: ImageBitmap | null) => void = () => undefined;

function tellPace(): void {
  let since = performance.now();
  setInterval(() => {
    const now = performance.now();
    const elapsed = now - since;
    const pace = { fps: (drawn * 1_000) / elapsed, busy: Math.min(1, busyMs / elapsed) };
    [since, drawn, busyMs] = [now, 0, 0];
    say({ kind: "pace", pace });
  }, PACE_MS);
}

globalThis.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  switch (data.kind) {
    case "start": {
      const { effect, streams } = data;
      fps = data.fps;
      const run = async () => {
        await put(effect);
        tellPace();
        await (streams ? follow(streams.from, streams.to) : ask());
      };
      return void run().catch(fail);
    }
    case "effect":
      return void put(data.effect).catch(fail);
    case "fps":
      return void (fps = data.fps);
    case "frame":
      return answered(data.frame);
    default:
      data satisfies never;
  }
});
