import { useCallback, useRef, useState } from "react";

/** CSS pixels; the style sheet has the same. */
export const ROW_HEIGHT = 56;
/** Up to here all rows are there, which suits screen readers and the browser's own search. */
export const ALL_UP_TO = 100;
/** Rows kept beyond both edges, so that scrolling finds them drawn. */
const BEYOND = 10;
const STEP = 5;

/** The rows a list has to draw: `first` up to, not including, `end`. */
export function visibleRows(
  count: number,
  scrolled: number,
  height: number,
): { readonly first: number; readonly end: number } {
  if (count <= ALL_UP_TO) return { first: 0, end: count };
  const top = Math.floor(scrolled / ROW_HEIGHT / STEP) * STEP;
  const shown = Math.ceil(height / ROW_HEIGHT) + STEP;
  const end = Math.min(count, top + shown + BEYOND);
  return { first: Math.max(0, Math.min(top, count - shown) - BEYOND), end };
}

/** Draws only what is in sight once a list is long. Give the returned ref to the list. */
export function useVisibleRows(count: number) {
  const list = useRef<HTMLUListElement>(null);
  const [seen, setSeen] = useState({ scrolled: 0, height: 0 });
  const look = useCallback(() => {
    const element = list.current;
    if (!element) return;
    const scrolled = Math.floor(element.scrollTop / ROW_HEIGHT) * ROW_HEIGHT;
    const height = element.clientHeight;
    setSeen((now) =>
      now.scrolled === scrolled && now.height === height ? now : { scrolled, height },
    );
  }, []);
  const ref = useCallback(
    (element: HTMLUListElement | null) => {
      list.current = element;
      if (!element) return undefined;
      const observer = new ResizeObserver(look);
      observer.observe(element);
      return () => observer.disconnect();
    },
    [look],
  );
  return [ref, { look, ...visibleRows(count, seen.scrolled, seen.height) }] as const;
}
