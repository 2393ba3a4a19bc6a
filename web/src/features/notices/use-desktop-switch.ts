import { use } from "react";
import { PrefsContext } from "../settings/prefs-context";
import { askToNotify } from "./desktop";

/** Turns the system's notices on or off, and says whether they are on now: the browser may have them blocked. */
export function useDesktopSwitch(): (on: boolean) => Promise<boolean> {
  const prefs = use(PrefsContext);
  return async (on) => {
    const granted = on && (await askToNotify());
    prefs.change({ desktopNotices: granted, ...(on && { desktopOffered: true }) });
    return granted;
  };
}
