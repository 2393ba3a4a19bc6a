import { useCallback, useState } from "react";

export interface Box {
  readonly width: number;
  readonly height: number;
}

/** The inner size of an element in CSS pixels, kept up to date. Give the returned ref to the element. */
export function useBox(): [
  ref: (element: HTMLElement | null) => (() => void) | undefined,
  box: Box,
] {
  const [box, setBox] = useState<Box>({ width: 0, height: 0 });
  const ref = useCallback((element: HTMLElement | null) => {
    if (!element) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (!entry) return;
      const { width, height } = entry.contentRect;
      setBox((now) => (now.width === width && now.height === height ? now : { width, height }));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, box];
}
