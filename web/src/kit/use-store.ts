import { useSyncExternalStore } from "react";

/** The readable half of a store, as this folder needs it. */
interface Source<T> {
  getSnapshot(): T;
  subscribe(tell: () => void): () => void;
}

/** The store's value; the component is drawn again when it changes. */
export function useStore<T>(store: Source<T>): T {
  return useSyncExternalStore(store.subscribe, store.getSnapshot);
}

/** One part of the value. `select` must return the same thing for the same value. */
export function useSelected<T, S>(store: Source<T>, select: (value: T) => S): S {
  return useSyncExternalStore(store.subscribe, () => select(store.getSnapshot()));
}
