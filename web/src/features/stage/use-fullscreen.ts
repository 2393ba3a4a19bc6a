import { useEffect, useRef, useState } from "react";
import { useVisit } from "../visit/context";

/** The whole page, so that notices, dialogs and menus are seen above what fills it. */
const page = () => document.documentElement;

async function enter(): Promise<void> {
  // Typed as always there; on iPhones it is not, and the window has to do.
  const request = page().requestFullscreen as (() => Promise<void>) | undefined;
  await request?.call(page()).catch(() => undefined);
}

function leave(): void {
  if (document.fullscreenElement === page()) void document.exitFullscreen().catch(() => undefined);
}

/**
 * Fills the screen with an element, or the window where a browser does not give the screen away: draw it so while `filled`.
 * Ends by itself when the browser leaves the full screen, when a panel is opened, and with the element.
 */
export function useFullscreen() {
  const { ui } = useVisit();
  const [filled, setFilled] = useState(false);
  const entering = useRef<Promise<void> | null>(null);
  useEffect(() => {
    if (!filled) return undefined;
    const end = () => setFilled(false);
    const onChange = () => {
      if (document.fullscreenElement === null) end();
    };
    const onKey = (event: KeyboardEvent) => {
      // With a dialog open it is for the dialog.
      if (event.key !== "Escape" || ui.getSnapshot().dialog !== null) return;
      event.preventDefault();
      end();
    };
    const { panel } = ui.getSnapshot();
    const stop = ui.subscribe(() => {
      const { panel: now } = ui.getSnapshot();
      if (now !== panel && now !== null) end();
    });
    document.addEventListener("fullscreenchange", onChange);
    window.addEventListener("keydown", onKey);
    return () => {
      stop();
      document.removeEventListener("fullscreenchange", onChange);
      window.removeEventListener("keydown", onKey);
      // Also where it ends before the browser has answered.
      void entering.current?.then(leave);
    };
  }, [filled, ui]);
  return {
    filled,
    toggle() {
      if (!filled) entering.current = enter();
      setFilled(!filled);
    },
  };
}
