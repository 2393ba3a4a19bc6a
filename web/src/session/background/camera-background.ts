/**
 * The background of one published camera, as the media engine's library calls it: whenever that opens the camera anew
 * (another device, on again after off, after a reconnect), `restart` draws on. While there is none, what it sends is a
 * track that has ended, never the camera's own.
 */
import { openBackdrop, type Backdrop } from "./backdrop";
import type { Background } from "./choice";
import { prepareEffect } from "./effects";
import { USUAL_FPS } from "./pace";

export type Behind = Exclude<Background, { kind: "none" }>;

export interface BackgroundEvents {
  /** The picture has stopped; the camera is to be switched off. */
  onFailed(): void;
  onSlow(): void;
  /** The chosen picture could not be fetched; the room cannot be made out instead. */
  onMissing(): void;
}

/** What the camera is asked for: more than is drawn would only be thrown away. */
const CAPTURED: MediaTrackConstraints = {
  width: { ideal: 640 },
  height: { ideal: 480 },
  frameRate: { ideal: USUAL_FPS, max: USUAL_FPS },
};

interface Opened {
  readonly track: MediaStreamTrack;
}

export class CameraBackground {
  readonly name = "background";
  processedTrack?: MediaStreamTrack;
  #behind: Behind;
  #saving: boolean;
  readonly #events: BackgroundEvents;
  #backdrop: Backdrop | null = null;
  /** Of the last opening: aborted when it is overtaken. */
  #turn = new AbortController();

  constructor(behind: Behind, saving: boolean, events: BackgroundEvents) {
    this.#behind = behind;
    this.#saving = saving;
    this.#events = events;
  }

  init = (opened: Opened): Promise<void> => this.#open(opened.track);

  restart = (opened: Opened): Promise<void> => this.#open(opened.track);

  destroy = async (): Promise<void> => this.rest();

  /** The camera is off: lets go of the worker and of what it holds. */
  rest(): void {
    this.#turn.abort();
    this.#backdrop?.close();
    this.#backdrop = null;
  }

  async change(behind: Behind): Promise<void> {
    this.#behind = behind;
    if (!this.#backdrop) return;
    const { effect, missing } = await prepareEffect(behind);
    // Another choice or another camera may have come meanwhile.
    if (this.#behind !== behind) return;
    this.#backdrop?.setEffect(effect);
    if (missing) this.#events.onMissing();
  }

  setSaving(on: boolean): void {
    this.#saving = on;
    this.#backdrop?.setSaving(on);
  }

  async #open(camera: MediaStreamTrack): Promise<void> {
    this.rest();
    const { signal } = (this.#turn = new AbortController());
    const behind = this.#behind;
    await camera.applyConstraints(CAPTURED).catch(() => undefined);
    const { effect, missing } = await prepareEffect(behind);
    const onFailed = () => {
      if (signal.aborted) return;
      this.rest();
      this.#events.onFailed();
    };
    const { onSlow } = this.#events;
    const events = { onFailed, onSlow };
    const backdrop = await openBackdrop(camera, effect, this.#saving, events, signal);
    if (signal.aborted) return backdrop.close();
    this.#backdrop = backdrop;
    this.processedTrack = backdrop.track;
    if (missing) this.#events.onMissing();
    if (this.#behind !== behind) await this.change(this.#behind);
  }
}
