/** The small window over other programs, which some browsers offer. Nothing of it is loaded before it is asked for. */
import { createStore, type Readable } from "./store";

/** Chromium's; others have no such window. */
interface DocumentPictureInPicture {
  requestWindow(size: { width: number; height: number }): Promise<Window>;
}

declare global {
  interface Window {
    readonly documentPictureInPicture?: DocumentPictureInPicture;
  }
}

const SIZE = { width: 320, height: 560 } as const;

export interface SmallWindow extends Readable<Window | null> {
  readonly offered: boolean;
  /** Call it on a press: browsers open it for nothing else. */
  open(): Promise<void>;
  close(): void;
}

export function createSmallWindow(): SmallWindow {
  const store = createStore<Window | null>(null);
  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    offered: window.documentPictureInPicture !== undefined,
    async open() {
      const opened = await window.documentPictureInPicture?.requestWindow(SIZE);
      if (!opened) return;
      store.set(opened);
      opened.addEventListener("pagehide", () => {
        if (store.getSnapshot() === opened) store.set(null);
      });
    },
    close() {
      store.getSnapshot()?.close();
      store.set(null);
    },
  };
}

/** A page has at most one. */
export const smallWindow = createSmallWindow();
