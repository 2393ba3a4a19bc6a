/** Whether a page may say how loud it plays. iPhones and iPads leave that to the buttons on the device. */
import { useSyncExternalStore } from "react";

const TRIED = 0.5;

let can: boolean | null = null;
const listeners = new Set<() => void>();

/** Some take the value for a moment and forget it afterwards. */
function tryIt(): boolean {
  const element = document.createElement("audio");
  element.volume = TRIED;
  const takes = () => element.volume === TRIED;
  setTimeout(() => {
    if (takes() === can) return;
    can = takes();
    for (const tell of listeners) tell();
  });
  return takes();
}

const canSetVolume = (): boolean => (can ??= tryIt());

function subscribe(tell: () => void): () => void {
  listeners.add(tell);
  return () => void listeners.delete(tell);
}

export const useCanSetVolume = (): boolean => useSyncExternalStore(subscribe, canSetVolume);

/** Plays so loud, 0 to 1; nothing at all is silent everywhere. */
export function playAt(element: HTMLMediaElement, volume: number): void {
  element.volume = volume;
  const muted = volume === 0;
  if (element.muted !== muted) element.muted = muted;
}
