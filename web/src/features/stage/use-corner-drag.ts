import { useRef, useState, type PointerEvent } from "react";
import { usePrefs } from "../settings/prefs-context";
import { nearestCorner, type Rect } from "./layout";

interface Offset {
  readonly x: number;
  readonly y: number;
}

/** Less than this is a tap with an unsteady finger. */
const STILL = 6;

/**
 * Lets a tile be taken to another corner of the stage and remembers which. `rect` is where it rests, `null` when
 * it does not float. It follows the pointer and falls into the nearest corner when it is let go.
 */
export function useCornerDrag(rect: Rect | null) {
  const [, changePrefs] = usePrefs();
  const [offset, setOffset] = useState<Offset | null>(null);
  const from = useRef<Offset | null>(null);
  const far = useRef(false);
  const end = () => {
    from.current = null;
    setOffset(null);
  };
  const handlers = rect && {
    onPointerDown(event: PointerEvent<HTMLElement>) {
      far.current = false;
      if (event.button !== 0 || (event.target as Element).closest("button, [role='menu']")) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      from.current = { x: event.clientX, y: event.clientY };
    },
    onPointerMove(event: PointerEvent<HTMLElement>) {
      const start = from.current;
      if (!start) return;
      const next = { x: event.clientX - start.x, y: event.clientY - start.y };
      far.current ||= Math.hypot(next.x, next.y) > STILL;
      if (far.current) setOffset(next);
    },
    onPointerUp(event: PointerEvent<HTMLElement>) {
      const stage = event.currentTarget.parentElement;
      if (offset && stage) {
        const sign = getComputedStyle(stage).direction === "rtl" ? -1 : 1;
        const middle = {
          x: rect.x + rect.width / 2 + sign * offset.x,
          y: rect.y + rect.height / 2 + offset.y,
        };
        const box = { width: stage.clientWidth, height: stage.clientHeight };
        changePrefs({ selfCorner: nearestCorner(middle, box) });
      }
      end();
    },
    onPointerCancel: end,
  };
  return { offset, handlers, moved: () => far.current };
}
