import "./chat.css";
import { useTranslation } from "react-i18next";
import { useStore } from "../../kit/use-store";
import { mayChat, mayWriteTo } from "../../session/rights";
import { useMe, useRoomState, useSession } from "../visit/context";
import { Composer } from "./composer";
import { ConversationTabs } from "./conversation-tabs";
import { MessageList } from "./message-list";

export function ChatPanel() {
  const { t } = useTranslation();
  const session = useSession();
  const { conversations, unread, current: conversation, names } = useStore(session.chat);
  const people = useStore(session.people);
  const me = useMe();
  const room = useRoomState();
  if (!me || !room) return null;
  const name = conversation === null ? null : (names.get(conversation) ?? conversation);
  const partner = conversation === null ? null : people.get(conversation);
  const right =
    conversation === null
      ? mayChat(me, room)
      : partner
        ? mayWriteTo(me, partner, room)
        : ({ ok: false, why: "gone" } as const);
  return (
    <div className="chat">
      {conversations.size > 1 && (
        <ConversationTabs
          ids={[...conversations.keys()]}
          names={names}
          unread={unread}
          current={conversation}
          onChoose={session.chat.show}
        />
      )}
      <MessageList
        key={conversation}
        entries={conversations.get(conversation) ?? []}
        me={me.id}
        present={people}
        emptyText={name === null ? t("chat.empty") : t("chat.emptyPrivate", { name })}
        onResend={session.resend}
      />
      {right.ok ? (
        <Composer
          key={`composer-${conversation ?? ""}`}
          conversation={conversation}
          placeholder={name === null ? t("chat.messageAll") : t("chat.messageTo", { name })}
        />
      ) : (
        <p className="chat-locked">
          {right.why === "gone"
            ? t("chat.goneNow", { name: name ?? "" })
            : t(`why.${right.why}.chat`)}
        </p>
      )}
    </div>
  );
}
