import { useState } from "react";

interface Wish {
  readonly wanted: boolean;
  /** How it stood when this was wished for. */
  readonly before: boolean;
}

/**
 * Shows what was just pressed until the server has told how it is now, or refused. Whatever the server tells
 * meanwhile wins.
 */
export function useWishes<K extends string>(change: (key: K, wanted: boolean) => Promise<boolean>) {
  const [wishes, setWishes] = useState<ReadonlyMap<K, Wish>>(new Map());
  return {
    shown(key: K, now: boolean): boolean {
      const wish = wishes.get(key);
      return wish !== undefined && wish.before === now ? wish.wanted : now;
    },
    async want(key: K, wanted: boolean, now: boolean) {
      setWishes((all) => new Map(all).set(key, { wanted, before: now }));
      if (await change(key, wanted)) return;
      setWishes((all) => {
        const rest = new Map(all);
        rest.delete(key);
        return rest;
      });
    },
  };
}
