import { ArrowDown } from "lucide-react";
import { useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Entry } from "../../session/chat";
import type { People } from "../../session/people";
import type { ParticipantId } from "../../wire/types";
import { groupEntries } from "./group";
import { MessageGroup } from "./message-group";

interface MessageListProps {
  readonly entries: readonly Entry[];
  readonly me: ParticipantId;
  readonly present: People;
  readonly emptyText: string;
  readonly onResend: (entry: Entry) => void;
}

/** Close enough to the end to count as reading along, in pixels. */
const NEAR_END = 60;

function scrollToEnd(element: HTMLElement | null): void {
  element?.scrollTo({ top: element.scrollHeight });
}

export function MessageList({ entries, me, present, emptyText, onResend }: MessageListProps) {
  const { t } = useTranslation();
  const list = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const lastId = entries.at(-1)?.id;
  const own = entries.at(-1)?.from === me;
  useLayoutEffect(() => {
    if (lastId !== undefined && (following || own)) scrollToEnd(list.current);
  }, [lastId, following, own]);
  return (
    <div className="messages-frame">
      <div
        ref={list}
        className="messages"
        role="log"
        aria-label={t("chat.messages")}
        aria-live="off"
        // A list that scrolls must be reachable with the keyboard.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        onScroll={({ currentTarget: el }) =>
          setFollowing(el.scrollHeight - el.scrollTop - el.clientHeight < NEAR_END)
        }
      >
        {entries.length === 0 && <p className="messages-empty muted">{emptyText}</p>}
        {groupEntries(entries).map((group) => (
          <MessageGroup
            key={group.key}
            group={group}
            isMine={group.first.from === me}
            isHost={present.get(group.first.from)?.isAdmin ?? false}
            isHere={group.first.from === me || present.has(group.first.from)}
            onResend={onResend}
          />
        ))}
      </div>
      {!following && (
        <button
          type="button"
          className="button button-plain to-newest"
          onClick={() => scrollToEnd(list.current)}
        >
          <ArrowDown className="icon icon-small" aria-hidden="true" />
          {t("chat.newest")}
        </button>
      )}
    </div>
  );
}
