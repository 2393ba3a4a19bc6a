import { lazy, memo, useState, type ComponentType } from "react";

/** A part of the client with a file of its own. */
export interface Prefetched {
  readonly Part: ComponentType;
  /** Fetches the file ahead of time. */
  readonly fetch: () => Promise<unknown>;
}

/**
 * A part that is drawn at once where its file is there already. `lazy` alone shows the fallback even then, and React leaves
 * a fallback that it has shown on the screen for a while.
 */
export function prefetched(load: () => Promise<{ readonly default: ComponentType }>): Prefetched {
  let there: ComponentType | null = null;
  const fetch = async () => {
    const file = await load();
    there = file.default;
    return file;
  };
  const Awaited = lazy(fetch);
  return {
    fetch,
    // Whatever changes around it, it is drawn anew only for what it uses itself.
    Part: memo(function Part() {
      // The same one from the first time to the last: another would begin anew.
      const [Chosen] = useState<ComponentType>(() => there ?? Awaited);
      return <Chosen />;
    }),
  };
}
