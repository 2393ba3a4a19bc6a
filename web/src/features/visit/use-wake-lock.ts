import { useEffect } from "react";

/** What is held in a hand does not fall asleep in the middle of a meeting. */
export function useWakeLock(): void {
  useEffect(() => {
    if (!("wakeLock" in navigator) || !window.matchMedia("(pointer: coarse)").matches) return;
    let gone = false;
    let held: WakeLockSentinel | null = null;
    const hold = async () => {
      // The system lets go whenever the page is out of sight.
      if (document.hidden) return;
      const next = await navigator.wakeLock.request("screen").catch(() => null);
      await held?.release();
      held = next;
      if (gone) await next?.release();
    };
    const again = () => void hold();
    again();
    document.addEventListener("visibilitychange", again);
    return () => {
      gone = true;
      document.removeEventListener("visibilitychange", again);
      void held?.release();
    };
  }, []);
}
