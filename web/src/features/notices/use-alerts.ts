import { useContext, useEffect } from "react";
import { playTones, type Tones } from "../../kit/tones";
import type { Alert, Notice } from "../../session/notices";
import { PrefsContext } from "../settings/prefs-context";
import { useSession } from "../visit/context";
import { mayNotify } from "./desktop";
import { useNoticeText } from "./notice-text";

/** Soft, short, and each its own, so that one knows without looking. */
export const SOUNDS: Readonly<Record<Alert, Tones>> = {
  hand: { frequencies: [587.33, 783.99], length: 0.16, volume: 0.08 },
  waiting: { frequencies: [659.25, 523.25], length: 0.22, volume: 0.1 },
  asked: { frequencies: [659.25, 783.99, 987.77], length: 0.14, volume: 0.1 },
  message: { frequencies: [880], length: 0.14, volume: 0.07 },
  trouble: { frequencies: [329.63, 261.63], length: 0.22, volume: 0.1 },
};

/** What counts as having happened again: another person in the same notice is news, its redrawing is not. */
const newsOf = ({ id, about }: Notice): string => `${id} ${about.size}`;

/** Sounds, and a word from the system for whoever looks at something else; both only where wished for. */
export function useAlerts(): void {
  const { notices } = useSession();
  const prefs = useContext(PrefsContext);
  const textOf = useNoticeText();
  useEffect(() => {
    let known = new Set(notices.getSnapshot().map(newsOf));
    const hear = () => {
      const shown = notices.getSnapshot();
      const fresh = shown.filter((notice) => notice.alert && !known.has(newsOf(notice)));
      known = new Set(shown.map(newsOf));
      const { sounds, speaker, desktopNotices } = prefs.getSnapshot();
      for (const notice of fresh) {
        // A browser that plays nothing before the first click is quiet; the notice is there to read.
        if (sounds && notice.alert) playTones(SOUNDS[notice.alert], speaker).catch(() => undefined);
        if (desktopNotices && document.hidden && mayNotify()) tell(notice, textOf(notice));
      }
    };
    return notices.subscribe(hear);
  }, [notices, prefs, textOf]);
}

function tell(notice: Notice, text: string): void {
  const shown = new Notification(document.title, {
    body: text,
    // Another one of its kind takes its place instead of lying on top.
    tag: notice.group ?? String(notice.id),
    icon: "/plenum.svg",
  });
  shown.addEventListener("click", () => {
    window.focus();
    shown.close();
  });
}
