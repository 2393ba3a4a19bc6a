/**
 * A camera's picture with something else behind the person, as a track of its own. Needs no library of the media
 * engine and no screen: the green room and the meeting use the same.
 */
import type { Effect, FromWorker, ToWorker } from "./messages";
import { createPaceJudge, SAVING_FPS, USUAL_FPS } from "./pace";
import { hasFrameStreams } from "./support";

/** The model is fetched meanwhile, once. */
const START_MS = 30_000;
const LIFE_MS = 5_000;
/** So many of our own looks without a sign of life; a machine that slept does not count them. */
const MAX_SILENCE = 4;

/** Why there is no picture with a background: never a reason to show the one without. */
export class BackgroundError extends Error {
  override readonly name = "BackgroundError";
}

export interface BackdropEvents {
  /** It has ended by itself; the track shows nothing any more. */
  onFailed(): void;
  /** The device does not keep up. */
  onSlow(): void;
}

export interface Backdrop {
  readonly track: MediaStreamTrack;
  setEffect(effect: Effect): void;
  setSaving(on: boolean): void;
  /** Lets go of everything but the camera's track. */
  close(): void;
}

/** Where the frames go through. */
interface Way {
  readonly track: MediaStreamTrack;
  readonly streams: (ToWorker & { kind: "start" })["streams"];
  frame(): Promise<ImageBitmap | null>;
  show(picture: ImageBitmap): void;
  close(): void;
}

const fpsOf = (saving: boolean) => (saving ? SAVING_FPS : USUAL_FPS);

/**
 * Resolves with the first drawn picture; throws a `BackgroundError` if there is none. `signal` gives up waiting for it;
 * afterwards it means nothing.
 */
export async function openBackdrop(
  camera: MediaStreamTrack,
  effect: Effect,
  saving: boolean,
  events: BackdropEvents,
  signal: AbortSignal,
): Promise<Backdrop> {
  const way = hasFrameStreams() ? overStreams(camera) : overCanvas(camera);
  const worker = new Worker(new URL("./draw.worker.ts", import.meta.url), { name: "background" });
  const judge = createPaceJudge();
  let fps = fpsOf(saving);
  let silence = 0;
  let closed = false;

  const send = (message: ToWorker, transfer: Transferable[] = []) =>
    worker.postMessage(message, transfer);
  const carried = (one: Effect): Transferable[] => (one.kind === "picture" ? [one.picture] : []);
  const close = () => {
    if (closed) return;
    closed = true;
    clearInterval(watch);
    worker.terminate();
    way.close();
  };

  let started: (() => void) | null = null;
  let refused: ((error: Error) => void) | null = null;
  const fail = (why: string) => {
    if (closed) return;
    close();
    if (refused) refused(new BackgroundError(why));
    else events.onFailed();
  };
  const watch = setInterval(() => {
    silence += 1;
    // While it starts there is a limit of its own.
    if (silence > MAX_SILENCE && !refused) fail("no sign of life");
  }, LIFE_MS);

  worker.addEventListener("error", ({ message }) => fail(message));
  worker.addEventListener("messageerror", () => fail("a message was lost"));
  worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
    silence = 0;
    switch (data.kind) {
      case "ready":
        return started?.();
      case "want":
        return void way.frame().then(
          (frame) => {
            if (closed) frame?.close();
            else send({ kind: "frame", frame }, frame ? [frame] : []);
          },
          () => send({ kind: "frame", frame: null }),
        );
      case "drawn":
        return way.show(data.picture);
      case "pace":
        if (judge(data.pace, fps) === "slow" && camera.readyState === "live") events.onSlow();
        return;
      case "failed":
        return fail(data.why);
      default:
        data satisfies never;
    }
  });

  const { streams } = way;
  const first = new Promise<void>((resolve, reject) => {
    started = resolve;
    refused = reject;
  });
  send(
    { kind: "start", effect, fps, streams },
    streams ? [...carried(effect), streams.from, streams.to] : carried(effect),
  );
  const limit = setTimeout(() => fail("it took too long"), START_MS);
  const giveUp = () => fail("no longer wanted");
  signal.addEventListener("abort", giveUp);
  if (signal.aborted) giveUp();
  try {
    await first;
  } finally {
    clearTimeout(limit);
    signal.removeEventListener("abort", giveUp);
    started = null;
    refused = null;
  }
  return {
    track: way.track,
    setEffect: (next) => send({ kind: "effect", effect: next }, carried(next)),
    setSaving(on) {
      fps = fpsOf(on);
      send({ kind: "fps", fps });
    },
    close,
  };
}

/** Frames go from the camera through the worker to the track without touching the page. */
function overStreams(camera: MediaStreamTrack): Way {
  const processor = new MediaStreamTrackProcessor({ track: camera, maxBufferSize: 1 });
  const track = new MediaStreamTrackGenerator({ kind: "video" });
  return {
    track,
    streams: { from: processor.readable, to: track.writable },
    frame: async () => null,
    show: (picture) => picture.close(),
    close: () => track.stop(),
  };
}

/** Where there are no such streams: pictures out of a video element and into a canvas. */
function overCanvas(camera: MediaStreamTrack): Way {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([camera]);
  void video.play().catch(() => undefined);
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("bitmaprenderer", { alpha: false });
  const [track] = canvas.captureStream().getVideoTracks();
  if (!context || !track) throw new BackgroundError("nothing to draw on");
  return {
    track,
    streams: null,
    async frame() {
      const hasPicture = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
      return hasPicture && video.videoWidth > 0 ? createImageBitmap(video) : null;
    },
    show(picture) {
      if (canvas.width !== picture.width) canvas.width = picture.width;
      if (canvas.height !== picture.height) canvas.height = picture.height;
      context.transferFromImageBitmap(picture);
    },
    close() {
      track.stop();
      video.srcObject = null;
    },
  };
}
