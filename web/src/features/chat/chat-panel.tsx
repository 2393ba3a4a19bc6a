import "./chat.css";
import "./chat-extras.css";
import { Search } from "lucide-react";
import { useCallback, useState, type ClipboardEvent, type DragEvent } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../kit/icon-button";
import { useSelected, useStore } from "../../kit/use-store";
import type { Entry, Intent } from "../../session/chat";
import { mayChat, mayWriteTo } from "../../session/rights";
import { useMe, useRoomState, useSession } from "../visit/context";
import { Composer } from "./composer";
import { ConversationTabs } from "./conversation-tabs";
import { DeleteDialog } from "./delete-dialog";
import { MessageList } from "./message-list";
import { SearchBox } from "./search-box";
import { TypingLine } from "./typing-line";
import { useLineActions } from "./use-line-actions";
import { useFiles } from "./use-files";
import { UploadList } from "./upload-list";
import { wordsOf } from "./words";

export function ChatPanel() {
  const { t } = useTranslation();
  const session = useSession();
  const chat = useStore(session.chat);
  const { conversations, current: conversation, names } = chat;
  const partner = useSelected(session.people, (all) =>
    conversation === null ? null : (all.get(conversation) ?? null),
  );
  const me = useMe();
  const room = useRoomState();
  const [query, setQuery] = useState<string | null>(null);
  const intent = useSelected(session.chat.intents, (all) => all.get(conversation) ?? null);
  const setIntent = useCallback(
    (next: Intent | null) => session.chat.intend(conversation, next),
    [session, conversation],
  );
  const [removing, setRemoving] = useState<Entry | null>(null);
  const lines = useLineActions(setIntent, setRemoving);
  const files = useFiles(conversation);
  if (!me || !room) return null;
  const name = conversation === null ? null : (names.get(conversation) ?? conversation);
  const right =
    conversation === null
      ? mayChat(me, room)
      : partner
        ? mayWriteTo(me, partner, room)
        : ({ ok: false, why: "gone" } as const);
  const all = conversations.get(conversation) ?? [];
  const entries = query ? all.filter((entry) => matches(entry, query)) : all;
  const about = intent && all.find(({ id }) => id === intent.entry.id);
  const stillIntent = intent && about && !about.removed ? intent : null;
  return (
    // Files may be dropped anywhere on the chat; the button beside the text does the same.
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions
    <div
      className="chat"
      data-dropping={files.dropping}
      onDragOver={(event: DragEvent) => files.onDragOver(event)}
      onDragLeave={files.onDragLeave}
      onDrop={(event: DragEvent) => files.onDrop(event)}
      onPaste={(event: ClipboardEvent) => {
        // An edited line is words alone.
        if (stillIntent?.kind !== "edit") files.onPaste(event);
      }}
    >
      <div className="chat-bar">
        <ConversationTabs
          ids={[...conversations.keys()]}
          names={names}
          unread={chat.unread}
          current={conversation}
          onChoose={session.chat.show}
        />
        <IconButton
          icon={Search}
          label={t("chat.search")}
          aria-expanded={query !== null}
          onClick={() => setQuery(query === null ? "" : null)}
        />
      </div>
      {query !== null && (
        <SearchBox
          query={query}
          found={query === "" ? null : entries.length}
          onChange={setQuery}
          onClose={() => setQuery(null)}
        />
      )}
      <MessageList
        key={conversation}
        entries={entries}
        all={all}
        newFrom={chat.newFrom.get(conversation) ?? null}
        me={me.id}
        emptyText={
          query
            ? t("chat.nothingFound")
            : name === null
              ? t("chat.empty")
              : t("chat.emptyPrivate", { name })
        }
        actions={lines}
      />
      <TypingLine conversation={conversation} />
      <UploadList uploads={files.uploads} maxMegabytes={room.activities.files.maxMegabytes} />
      {right.ok ? (
        <Composer
          key={`composer-${conversation ?? ""}`}
          conversation={conversation}
          placeholder={name === null ? t("chat.messageAll") : t("chat.messageTo", { name })}
          intent={stillIntent}
          onIntent={setIntent}
          files={files}
          lastEditable={all.findLast((entry) => lines.rights(entry).edit) ?? null}
        />
      ) : (
        <p className="chat-locked">
          {right.why === "gone"
            ? t("chat.goneNow", { name: name ?? "" })
            : t(`why.${right.why}.chat`)}
        </p>
      )}
      {removing && (
        <DeleteDialog
          entry={removing}
          onClose={() => setRemoving(null)}
          onDelete={() => lines.removeNow(removing)}
        />
      )}
    </div>
  );
}

function matches(entry: Entry, query: string): boolean {
  const wanted = query.trim().toLocaleLowerCase();
  return (
    wordsOf(entry).toLocaleLowerCase().includes(wanted) ||
    entry.fromName.toLocaleLowerCase().includes(wanted)
  );
}
