import { useEffect, useState, type RefObject } from "react";

/**
 * Fills the screen with an element. Where a browser keeps that for its own video player (iPhones), or refuses,
 * the element fills the window: draw it so while `filled`.
 */
export function useFullscreen(element: RefObject<HTMLElement | null>) {
  const [native, setNative] = useState(false);
  const [filled, setFilled] = useState(false);
  useEffect(() => {
    const onChange = () => setNative(document.fullscreenElement === element.current);
    document.addEventListener("fullscreenchange", onChange);
    return () => document.removeEventListener("fullscreenchange", onChange);
  }, [element]);
  useEffect(() => {
    if (!filled) return undefined;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      setFilled(false);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [filled]);
  const enter = async () => {
    // Typed as always there, which it is not everywhere.
    const request = element.current?.requestFullscreen as (() => Promise<void>) | undefined;
    if (!request) return setFilled(true);
    return request.call(element.current).catch(() => setFilled(true));
  };
  return {
    full: native || filled,
    filled,
    toggle() {
      if (filled) setFilled(false);
      else if (native) void document.exitFullscreen();
      else void enter();
    },
  };
}
