import { useCallback, useLayoutEffect, useRef, useState, type RefObject } from "react";
import type { Entry } from "../../session/chat";

/** Lines that are drawn at once, and how many more each time. */
export const PAGE = 50;

export interface Drawn {
  /** How many of the newest lines are drawn. */
  readonly count: number;
  /** Draws earlier ones above, and leaves what is read where it is. `then` runs once they are there. */
  earlier(then?: () => void): void;
  /** Draws everything from a line on. */
  reach(entry: Entry): void;
  /** Whether what is drawn stays drawn while new lines come; else it is the newest page. */
  hold(on: boolean): void;
}

/** A long chat is drawn from its end: few look at what was said hours ago, and everybody waits while it is drawn. */
export function useDrawn(entries: readonly Entry[], list: RefObject<HTMLElement | null>): Drawn {
  /** When the first drawn line was sent, where that is not simply the newest page. */
  const [since, setSince] = useState<number | null>(null);
  const afterwards = useRef<(() => void) | null>(null);
  const newest = Math.max(0, entries.length - PAGE);
  const wanted = since === null ? -1 : entries.findIndex(({ sentAt }) => sentAt >= since);
  const from = wanted === -1 ? newest : Math.min(newest, wanted);
  useLayoutEffect(() => {
    const run = afterwards.current;
    afterwards.current = null;
    run?.();
  });
  const reach = useCallback(
    ({ sentAt }: Entry) => setSince((now) => Math.min(now ?? sentAt, sentAt)),
    [],
  );
  return {
    count: entries.length - from,
    reach,
    earlier(then) {
      const element = list.current;
      const first = entries[Math.max(0, from - PAGE)];
      if (!element || !first || from === 0) return;
      const below = element.scrollHeight - element.scrollTop;
      afterwards.current = () => {
        element.scrollTop = element.scrollHeight - below;
        then?.();
      };
      reach(first);
    },
    hold(on) {
      const first = entries[from];
      if (!on) setSince(null);
      else if (first) reach(first);
    },
  };
}
