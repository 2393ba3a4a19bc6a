import { useCallback, useState } from "react";

export interface Box {
  readonly width: number;
  readonly height: number;
}

/** The size of an element that has neither border nor padding, in CSS pixels, kept up to date. Give the returned ref to it. */
export function useBox(): [
  ref: (element: HTMLElement | null) => (() => void) | undefined,
  box: Box,
] {
  const [box, setBox] = useState<Box>({ width: 0, height: 0 });
  const ref = useCallback((element: HTMLElement | null) => {
    if (!element) return undefined;
    const take = ({ width, height }: Box) =>
      setBox((now) => (now.width === width && now.height === height ? now : { width, height }));
    // At once, since observers speak with the next frame, which on a busy machine is long after this one.
    take(element.getBoundingClientRect());
    const observer = new ResizeObserver(([entry]) => {
      if (entry) take(entry.contentRect);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, box];
}
