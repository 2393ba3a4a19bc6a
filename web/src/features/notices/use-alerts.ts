import { useContext, useEffect, useEffectEvent } from "react";
import { useTranslation } from "react-i18next";
import { plainText } from "../../kit/rich-text";
import { playTones } from "../../kit/tones";
import type { Alert } from "../../session/alerts";
import { hearChat } from "../../session/chat-news";
import type { Notice } from "../../session/notices";
import { PrefsContext } from "../settings/prefs-context";
import { useSession } from "../visit/context";
import { mayNotify } from "./desktop";
import { useNoticeText } from "./notice-text";
import { SOUNDS } from "./sounds";
import { useDesktopOffer } from "./use-desktop-offer";

/** Longest part of a message that the system shows. */
const MAX_SHOWN = 120;

/** What counts as having happened again: another person in the same notice is news, its redrawing is not. */
const newsOf = ({ id, about }: Notice): string => `${id} ${about.size}`;

/** A fault is heard wherever it is said. */
const alertOf = ({ alert, level }: Notice): Alert | null =>
  alert ?? (level === "error" ? "trouble" : null);

/** Sounds, and a word from the system for whoever looks at something else; both only where wished for. */
export function useAlerts(): void {
  const { t } = useTranslation();
  const { notices, chat, me } = useSession();
  const prefs = useContext(PrefsContext);
  const textOf = useNoticeText();
  const missed = useDesktopOffer();
  const alarm = useEffectEvent((alert: Alert, text: string, tag: string) => {
    const { sounds, speaker, desktopNotices, quiet } = prefs.getSnapshot();
    if (quiet.includes(alert)) return;
    // A browser that plays nothing before the first click is quiet; the notice is there to read.
    if (sounds) playTones(SOUNDS[alert], speaker).catch(() => undefined);
    if (!document.hidden) return;
    if (desktopNotices && mayNotify()) tell(text, tag);
    else missed();
  });
  const hear = useEffectEvent((notice: Notice) => {
    const alert = alertOf(notice);
    // Another one of its kind takes its place instead of lying on top.
    if (alert) alarm(alert, textOf(notice), notice.group ?? String(notice.id));
  });
  useEffect(() => {
    let known = new Set(notices.getSnapshot().map(newsOf));
    return notices.subscribe(() => {
      const shown = notices.getSnapshot();
      const fresh = shown.filter((notice) => !known.has(newsOf(notice)));
      known = new Set(shown.map(newsOf));
      fresh.forEach(hear);
    });
  }, [notices]);
  const hearLine = useEffectEvent((name: string, html: string) =>
    alarm("chat", t("chat.said", { name, text: plainText(html).slice(0, MAX_SHOWN) }), "chat"),
  );
  useEffect(
    () =>
      hearChat(chat, me, ({ fromName, html }, inView) => {
        if (!inView) hearLine(fromName, html);
      }),
    [chat, me],
  );
}

function tell(text: string, tag: string): void {
  const shown = new Notification(document.title, { body: text, tag, icon: "/plenum.svg" });
  shown.addEventListener("click", () => {
    window.focus();
    shown.close();
  });
}
