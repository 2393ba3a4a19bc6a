import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { plainText } from "../../kit/rich-text";
import type { Entry } from "../../session/chat";
import { useSession } from "../visit/context";

/** Longest part of a message that is read out unasked. */
const MAX_READ = 200;

/** Reads out what others write: the words in the open conversation, only the sender's name elsewhere. */
export function useChatAnnouncements(): void {
  const { t } = useTranslation();
  const { chat, me } = useSession();
  const known = useRef<Set<string> | null>(null);
  useEffect(() => {
    const look = () => {
      const { conversations, current, visible } = chat.getSnapshot();
      const fresh: [Entry, boolean][] = [];
      const seen = known.current ?? new Set<string>();
      for (const [id, entries] of conversations) {
        for (const entry of entries) {
          if (seen.has(entry.id)) continue;
          seen.add(entry.id);
          fresh.push([entry, visible && current === id]);
        }
      }
      const first = known.current === null;
      known.current = seen;
      // History arriving in one piece is for reading, not for reading out.
      if (first || fresh.length > 3) return;
      for (const [entry, inView] of fresh) {
        if (entry.from === me() || entry.system) continue;
        announce(
          inView
            ? t("chat.said", {
                name: entry.fromName,
                text: plainText(entry.html).slice(0, MAX_READ),
              })
            : t("chat.newFrom", { name: entry.fromName }),
        );
      }
    };
    look();
    return chat.subscribe(look);
  }, [chat, me, t]);
}
