import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import type { Entry, Intent } from "../../session/chat";
import { isLocked, mayReact } from "../../session/rights";
import { together } from "../../session/together";
import type { Sign } from "../../wire/chat-actions";
import { useMe, useRoomState, useSession } from "../visit/context";
import { editable } from "./editable";
import { wordsOf } from "./words";

/** What one may do with a line. */
export interface LineRights {
  readonly reply: boolean;
  readonly sign: boolean;
  readonly edit: boolean;
  readonly remove: boolean;
}

export interface LineActions {
  rights(entry: Entry): LineRights;
  reply(entry: Entry): void;
  edit(entry: Entry): void;
  /** Asks once. */
  remove(entry: Entry): void;
  removeNow(entry: Entry): void;
  sign(entry: Entry, sign: Sign): void;
  copy(entry: Entry): void;
  resend(entry: Entry): void;
}

/** The same for as long as the rights are; both callbacks must be, too. Else every line is drawn again. */
export function useLineActions(
  onIntent: (intent: Intent) => void,
  onRemove: (entry: Entry) => void,
): LineActions {
  const { t } = useTranslation();
  const session = useSession();
  const me = useMe();
  const room = useRoomState();
  const { chat } = together(session);
  const myId = me?.id ?? null;
  const isHost = me?.isAdmin ?? false;
  const mayRead = me !== null && room !== null && !isLocked(me, room, "chat");
  const writes = mayRead && !isLocked(me, room, "chatSend");
  const signs = mayRead && mayReact(me, room).ok;
  return useMemo(
    () => ({
      rights(entry) {
        if (myId === null || entry.system || entry.removed || unsent(entry)) {
          return { reply: false, sign: false, edit: false, remove: false };
        }
        const mine = entry.from === myId;
        return {
          reply: writes,
          sign: signs,
          edit: mine && writes && !hasLink(entry),
          remove: mine || (isHost && entry.to === null),
        };
      },
      reply: (entry) => onIntent({ kind: "reply", entry }),
      edit: (entry) => onIntent({ kind: "edit", entry, text: editable(entry.html) }),
      remove: onRemove,
      removeNow: (entry) => chat.remove(entry),
      sign: (entry, sign) => chat.sign(entry, sign),
      copy(entry) {
        navigator.clipboard
          .writeText(wordsOf(entry))
          .then(() => announce(t("invite.copied")))
          .catch(() => session.notices.show({ level: "warning", text: { key: "chat.notCopied" } }));
      },
      resend: session.resend,
    }),
    [session, chat, t, myId, isHost, writes, signs, onIntent, onRemove],
  );
}

const unsent = ({ delivery }: Entry) => delivery === "sending" || delivery === "failed";

/** A shared file is a link with a name of its own, which an edit as text would lose. */
const hasLink = ({ html }: Entry) => html.includes("/download/uploadedFile/");
