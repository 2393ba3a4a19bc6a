/** The smallest observable value: what React's `useSyncExternalStore` wants, without React. */
export interface Readable<T> {
  getSnapshot(): T;
  /** Returns the way to stop listening. */
  subscribe(tell: () => void): () => void;
}

export interface Store<T> extends Readable<T> {
  /** Replaces the value; listeners hear of it only when it is a different one. */
  set(next: T): void;
  update(change: (now: T) => T): void;
  /** Whether anybody listens. */
  isHeard(): boolean;
}

export function createStore<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  const set = (next: T) => {
    if (Object.is(next, value)) return;
    value = next;
    for (const tell of listeners) tell();
  };
  return {
    getSnapshot: () => value,
    subscribe(tell) {
      listeners.add(tell);
      return () => void listeners.delete(tell);
    },
    set,
    update: (change) => set(change(value)),
    isHeard: () => listeners.size > 0,
  };
}

/** Resolves with the first value that passes; rejects when the signal is aborted first. */
export function until<T>(
  store: Readable<T>,
  passes: (value: T) => boolean,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const now = store.getSnapshot();
    if (passes(now)) return resolve(now);
    const stop = store.subscribe(() => {
      const value = store.getSnapshot();
      if (!passes(value)) return;
      stop();
      resolve(value);
    });
    signal?.addEventListener("abort", () => {
      stop();
      reject(signal.reason);
    });
  });
}
