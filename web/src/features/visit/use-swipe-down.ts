import { useRef, useState, type PointerEvent } from "react";

/** A pull this long means it; a shorter one springs back. CSS pixels. */
const ENOUGH = 80;

/** Pulling the head of a sheet down closes it. `by` is how far it is pulled right now. */
export function useSwipeDown(enabled: boolean, onClose: () => void) {
  const [by, setBy] = useState(0);
  const from = useRef<number | null>(null);
  const end = () => {
    from.current = null;
    setBy(0);
  };
  const handlers = enabled && {
    onPointerDown(event: PointerEvent<HTMLElement>) {
      if ((event.target as Element).closest("button")) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      from.current = event.clientY;
    },
    onPointerMove(event: PointerEvent<HTMLElement>) {
      if (from.current !== null) setBy(Math.max(0, event.clientY - from.current));
    },
    onPointerUp() {
      const far = by > ENOUGH;
      end();
      if (far) onClose();
    },
    onPointerCancel: end,
  };
  return { by, handlers };
}
