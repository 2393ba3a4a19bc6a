/**
 * The page's only live region. Whoever has something to say to a screen reader says it here, so that two
 * messages at once are read one after the other instead of cutting each other off.
 */
import { useSyncExternalStore } from "react";
import { createPortal } from "react-dom";

/** Long enough for a screen reader to notice a change before the next one. */
const SPACING_MS = 900;

let current = "";
let queue: string[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

function next(): void {
  const text = queue.shift();
  if (text === undefined) {
    timer = undefined;
    return;
  }
  // The same words twice are still news; a trailing no-break space makes them a change.
  current = text === current ? `${text}\u00a0` : text;
  for (const tell of listeners) tell();
  timer = setTimeout(next, SPACING_MS);
}

/** Has this read out politely. Beyond five waiting messages the oldest are dropped as stale. */
export function announce(text: string): void {
  if (text === "" || queue.at(-1) === text) return;
  queue = [...queue, text].slice(-5);
  timer ??= setTimeout(next, 50);
}

export function Announcer() {
  const text = useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => void listeners.delete(tell);
    },
    () => current,
  );
  // Beside the page's root: an open dialog makes everything in the root inert, which silences it.
  return createPortal(
    <div className="visually-hidden" role="status" aria-live="polite" aria-atomic="true">
      {text}
    </div>,
    document.body,
  );
}
