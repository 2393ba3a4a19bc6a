import { useEffect, useRef, type RefObject } from "react";

/**
 * Puts the focus on what somebody has just come to: the heading of a new page. Without it the focus stays
 * on a button that is gone, and a screen reader says nothing. Give the element `tabIndex={-1}`.
 */
export function useArrival<T extends HTMLElement>(): RefObject<T | null> {
  const ref = useRef<T>(null);
  useEffect(() => ref.current?.focus({ preventScroll: true }), []);
  return ref;
}
