/**
 * The own picture before it is shared, in front of what was chosen. While that is not drawn there is no picture: what
 * one sees is what others would see.
 */
import { createStore, type Readable } from "../store";
import type { Backdrop, BackdropEvents } from "./backdrop";
import { isSameBackground, NONE, type Background } from "./choice";
import type { Prepared } from "./effects";
import type { Effect } from "./messages";

export interface ShownState {
  readonly at: "plain" | "starting" | "drawn" | "failed";
  readonly stream: MediaStream | null;
  /** The device does not keep up. */
  readonly slow: boolean;
  /** The chosen picture was not to be had. */
  readonly missing: boolean;
}

/** Loaded with the first background. */
export interface Tools {
  prepare(background: Exclude<Background, { kind: "none" }>): Promise<Prepared>;
  open(
    camera: MediaStreamTrack,
    effect: Effect,
    saving: boolean,
    events: BackdropEvents,
    signal: AbortSignal,
  ): Promise<Backdrop>;
}

const loadTools = async (): Promise<Tools> => {
  const [{ openBackdrop }, { prepareEffect }] = await Promise.all([
    import("./backdrop"),
    import("./effects"),
  ]);
  return { open: openBackdrop, prepare: prepareEffect };
};

export interface Shown extends Readable<ShownState> {
  /** Shows this from now on; asked again as often as something changes. */
  show(camera: MediaStream | null, background: Background, saving: boolean): void;
  dispose(): void;
}

const PLAIN: ShownState = { at: "plain", stream: null, slow: false, missing: false };

export function createShown(load: () => Promise<Tools> = loadTools): Shown {
  const store = createStore<ShownState>(PLAIN);
  let camera: MediaStream | null = null;
  let background: Background = NONE;
  let saving = false;
  let backdrop: Backdrop | null = null;
  let opening: AbortController | null = null;

  const close = () => {
    opening?.abort();
    opening = null;
    backdrop?.close();
    backdrop = null;
  };
  const patch = (part: Partial<ShownState>) => store.update((now) => ({ ...now, ...part }));

  const open = async () => {
    close();
    const track = camera?.getVideoTracks()[0];
    const behind = background;
    if (!track || behind.kind === "none") return store.set({ ...PLAIN, stream: camera });
    store.set({ ...PLAIN, at: "starting" });
    const mine = (opening = new AbortController());
    const failed = () => {
      if (opening !== mine) return;
      close();
      store.set({ ...PLAIN, at: "failed" });
    };
    try {
      const tools = await load();
      const { effect, missing } = await tools.prepare(behind);
      if (mine.signal.aborted) return;
      const events = { onFailed: failed, onSlow: () => patch({ slow: true }) };
      const opened = await tools.open(track, effect, saving, events, mine.signal);
      if (mine.signal.aborted) return opened.close();
      backdrop = opened;
      store.set({ at: "drawn", stream: new MediaStream([opened.track]), slow: false, missing });
      // Chosen while this was being opened.
      if (behind !== background) await change();
    } catch {
      failed();
    }
  };
  const change = async () => {
    const behind = background;
    if (behind.kind === "none" || !backdrop) return;
    const { prepare } = await load();
    const { effect, missing } = await prepare(behind);
    if (behind !== background) return;
    backdrop?.setEffect(effect);
    patch({ missing, slow: false });
  };

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    show(nextCamera, nextBackground, nextSaving) {
      const sameCamera = nextCamera === camera;
      const before = background;
      const wasSaving = saving;
      [camera, background, saving] = [nextCamera, nextBackground, nextSaving];
      const { at } = store.getSnapshot();
      const needsOther = (before.kind === "none") !== (background.kind === "none");
      const isNew = !isSameBackground(before, background);
      if (!sameCamera || needsOther || (isNew && at === "failed")) return void open();
      if (wasSaving !== saving) {
        backdrop?.setSaving(saving);
        patch({ slow: false });
      }
      if (isNew) void change().catch(() => undefined);
      else background = before;
    },
    dispose() {
      close();
      [camera, background] = [null, NONE];
      store.set(PLAIN);
    },
  };
}
