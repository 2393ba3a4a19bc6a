import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { plainText } from "../../kit/rich-text";
import { hearChat } from "../../session/chat-news";
import { useSession } from "../visit/context";

/** Longest part of a message that is read out unasked. */
const MAX_READ = 200;

/** Reads out what others write: the words in the open conversation, only the sender's name elsewhere. */
export function useChatAnnouncements(): void {
  const { t } = useTranslation();
  const { chat, me } = useSession();
  useEffect(
    () =>
      hearChat(chat, me, ({ fromName: name, html }, inView) =>
        announce(
          inView
            ? t("chat.said", { name, text: plainText(html).slice(0, MAX_READ) })
            : t("chat.newFrom", { name }),
        ),
      ),
    [chat, me, t],
  );
}
