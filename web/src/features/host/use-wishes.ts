import { useState } from "react";

interface Wish {
  readonly wanted: boolean;
  /** How it stood when this was wished for. */
  readonly before: boolean;
}

/**
 * Shows what was just pressed until the server has told how it is now, or refused. Whatever the server tells
 * meanwhile wins. `now` is what the server has told last.
 */
export function useWishes<K extends string>(
  now: (key: K) => boolean,
  change: (key: K, wanted: boolean) => Promise<boolean>,
) {
  const [wishes, setWishes] = useState<ReadonlyMap<K, Wish>>(new Map());
  const open = new Map([...wishes].filter(([key, { before }]) => now(key) === before));
  // For good: if it is put back later, that is not what this wish was about.
  if (open.size < wishes.size) setWishes(open);
  return {
    shown: (key: K): boolean => open.get(key)?.wanted ?? now(key),
    async want(key: K, wanted: boolean) {
      setWishes((all) => new Map(all).set(key, { wanted, before: now(key) }));
      if (await change(key, wanted)) return;
      setWishes((all) => {
        const rest = new Map(all);
        rest.delete(key);
        return rest;
      });
    },
  };
}
