import { ArrowDown } from "lucide-react";
import { Fragment, useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import type { Entry } from "../../session/chat";
import type { People } from "../../session/people";
import type { Person } from "../../wire/types";
import { groupEntries } from "./group";
import { MessageGroup } from "./message-group";
import type { LineActions } from "./use-line-actions";

interface MessageListProps {
  /** The lines to show. */
  readonly entries: readonly Entry[];
  /** All there are, for what answers them. */
  readonly all: readonly Entry[];
  /** Where what is new begins. */
  readonly newFrom: string | null;
  readonly me: Person;
  readonly present: People;
  readonly emptyText: string;
  readonly actions: LineActions;
}

/** Close enough to the end to count as reading along, in pixels. */
const NEAR_END = 60;

function scrollToEnd(element: HTMLElement | null): void {
  element?.scrollTo({ top: element.scrollHeight });
}

/** Up and down go from the menu of one line to that of the next; each line needs no tab stop of its own. */
function walk(event: KeyboardEvent<HTMLElement>): void {
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
  const from = event.target;
  if (!(from instanceof HTMLElement) || !from.matches(".line-more[aria-expanded='false']")) return;
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>(".line-more")];
  const next = all[all.indexOf(from) + (event.key === "ArrowUp" ? -1 : 1)];
  // The key would open the menu.
  event.preventDefault();
  event.stopPropagation();
  next?.focus();
}

export function MessageList(props: MessageListProps) {
  const { entries, all, newFrom, me, present, emptyText, actions } = props;
  const { t } = useTranslation();
  const list = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const last = entries.at(-1);
  const lastId = last?.id;
  const own = last?.from === me.id;
  const find = (id: string) => all.find((entry) => entry.id === id) ?? null;
  useLayoutEffect(() => {
    if (lastId !== undefined && own) scrollToEnd(list.current);
  }, [lastId, own]);
  // A sign under the last line, or word that it was not sent, is to be seen as well.
  useLayoutEffect(() => {
    if (last !== undefined && following) scrollToEnd(list.current);
  }, [last, following]);
  useEffect(() => {
    const element = list.current;
    if (!element || !following) return undefined;
    // A sheet that opens or a soft keyboard leaves less room for the same lines.
    const observer = new ResizeObserver(() => scrollToEnd(element));
    observer.observe(element);
    return () => observer.disconnect();
  }, [following]);
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
        onKeyDownCapture={walk}
        onScroll={({ currentTarget: el }) =>
          setFollowing(el.scrollHeight - el.scrollTop - el.clientHeight < NEAR_END)
        }
      >
        {entries.length === 0 && <p className="messages-empty muted">{emptyText}</p>}
        {groupEntries(entries, newFrom).map((group) => (
          <Fragment key={group.key}>
            {group.first.id === newFrom && (
              <p className="messages-new">
                <span>{t("chat.new")}</span>
              </p>
            )}
            <MessageGroup
              group={group}
              isMine={group.first.from === me.id}
              isHost={present.get(group.first.from)?.isAdmin ?? false}
              isHere={group.first.from === me.id || present.has(group.first.from)}
              actions={actions}
              lastId={lastId ?? null}
              find={find}
            />
          </Fragment>
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
