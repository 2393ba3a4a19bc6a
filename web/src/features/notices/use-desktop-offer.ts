import { useContext, useEffect, useEffectEvent, useRef } from "react";
import { browserOf } from "../../kit/browser";
import { PrefsContext } from "../settings/prefs-context";
import { useSession } from "../visit/context";
import { canAskToNotify, isBlocked } from "./desktop";
import { useDesktopSwitch } from "./use-desktop-switch";

/**
 * Whoever missed something while they looked elsewhere is asked on their return whether the system shall tell them the
 * next time: once, and never before there was a reason. Returns what to call when something was missed.
 */
export function useDesktopOffer(): () => void {
  const { notices } = useSession();
  const prefs = useContext(PrefsContext);
  const turn = useDesktopSwitch();
  const missed = useRef(false);
  const turnOn = async () => {
    if ((await turn(true)) || !isBlocked()) return;
    const key = `notice.desktopBlocked.${browserOf(navigator.userAgent)}` as const;
    notices.show({ group: "desktop", level: "warning", passing: true, text: { key } });
  };
  const onBack = useEffectEvent(() => {
    if (document.hidden || !missed.current) return;
    missed.current = false;
    prefs.change({ desktopOffered: true });
    notices.show({
      group: "desktop",
      sticky: true,
      passing: true,
      text: { key: "notice.desktopMissed" },
      action: { key: "notice.desktopOn", run: () => void turnOn() },
    });
  });
  useEffect(() => {
    document.addEventListener("visibilitychange", onBack);
    return () => document.removeEventListener("visibilitychange", onBack);
  }, []);
  return () => {
    const { desktopNotices, desktopOffered } = prefs.getSnapshot();
    if (!desktopNotices && !desktopOffered && canAskToNotify()) missed.current = true;
  };
}
