import { ArrowDown } from "lucide-react";
import {
  Fragment,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
} from "react";
import { useTranslation } from "react-i18next";
import type { Entry } from "../../session/chat";
import type { ParticipantId } from "../../wire/types";
import { groupEntries, newestOf } from "./group";
import { lineElementId } from "./message";
import { MessageGroup } from "./message-group";
import { useDrawn } from "./use-drawn";
import type { LineActions } from "./use-line-actions";

interface MessageListProps {
  /** The lines to show. */
  readonly entries: readonly Entry[];
  /** All there are, for what answers them. */
  readonly all: readonly Entry[];
  /** Where what is new begins. */
  readonly newFrom: string | null;
  readonly me: ParticipantId;
  readonly emptyText: string;
  readonly actions: LineActions;
}

/** Close enough to the end to count as reading along, in pixels. */
const NEAR_END = 60;
/** Earlier lines are drawn before one comes to the first one, so many pixels before. */
const NEAR_START = 400;

function scrollToEnd(element: HTMLElement | null): void {
  element?.scrollTo({ top: element.scrollHeight });
}

const menusOf = (list: HTMLElement) => [...list.querySelectorAll<HTMLElement>(".line-more")];

/**
 * Up and down go from the menu of one line to that of the next; each line needs no tab stop of its own. Above the
 * first, `earlier` draws more.
 */
function walk(event: KeyboardEvent<HTMLElement>, earlier: (then: () => void) => void): void {
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
  const { target: from, currentTarget: list } = event;
  if (!(from instanceof HTMLElement) || !from.matches(".line-more[aria-expanded='false']")) return;
  // The key would open the menu.
  event.preventDefault();
  event.stopPropagation();
  const step = event.key === "ArrowUp" ? -1 : 1;
  const go = () => {
    const all = menusOf(list);
    all[all.indexOf(from) + step]?.focus();
  };
  if (step === -1 && menusOf(list)[0] === from) earlier(go);
  else go();
}

export function MessageList(props: MessageListProps) {
  const { entries, all, newFrom, me, emptyText, actions } = props;
  const { t } = useTranslation();
  const list = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const [target, setTarget] = useState<Entry | null>(null);
  const last = entries.at(-1);
  const lastId = last?.id;
  const own = last?.from === me;
  const { count, earlier, reach, hold } = useDrawn(entries, list);
  const grouped = useMemo(() => groupEntries(entries, newFrom), [entries, newFrom]);
  const byId = useMemo(() => new Map(all.map((entry) => [entry.id, entry])), [all]);
  const answeredBy = ({ replyTo }: Entry) =>
    replyTo === undefined ? null : (byId.get(replyTo) ?? null);
  const show = useCallback(
    (entry: Entry) => {
      reach(entry);
      // Another press is another wish to see it.
      setTarget({ ...entry });
    },
    [reach],
  );
  useLayoutEffect(() => {
    if (lastId !== undefined && own) scrollToEnd(list.current);
  }, [lastId, own]);
  // A sign under the last line, or word that it was not sent, is to be seen as well.
  useLayoutEffect(() => {
    if (last !== undefined && following) scrollToEnd(list.current);
  }, [last, following]);
  useLayoutEffect(() => {
    const { scrollHeight = 0, clientHeight = 0 } = list.current ?? {};
    // Where nothing scrolls there is no way up.
    if (clientHeight > 0 && scrollHeight <= clientHeight) earlier();
  });
  useLayoutEffect(() => {
    const line = target && document.getElementById(lineElementId(target.id));
    line?.scrollIntoView({ block: "center" });
    line?.focus({ preventScroll: true });
  }, [target]);
  useEffect(() => {
    const element = list.current;
    if (!element || !following) return undefined;
    // A sheet that opens or a soft keyboard leaves less room for the same lines.
    const observer = new ResizeObserver(() => scrollToEnd(element));
    observer.observe(element);
    return () => observer.disconnect();
  }, [following]);
  const onScroll = (el: HTMLElement) => {
    const near = el.scrollHeight - el.scrollTop - el.clientHeight < NEAR_END;
    if (near !== following) {
      setFollowing(near);
      hold(!near);
    }
    if (!near && el.scrollTop < NEAR_START) earlier();
  };
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
        onKeyDownCapture={(event) => walk(event, earlier)}
        onScroll={({ currentTarget }) => onScroll(currentTarget)}
      >
        {entries.length === 0 && <p className="messages-empty muted">{emptyText}</p>}
        {count < entries.length && (
          <button
            type="button"
            className="link-button messages-earlier"
            onClick={({ currentTarget }) =>
              earlier(() => {
                if (!currentTarget.isConnected) list.current?.focus({ preventScroll: true });
              })
            }
          >
            {t("chat.earlier")}
          </button>
        )}
        {newestOf(grouped, count).map((group) => (
          <Fragment key={group.key}>
            {group.first.id === newFrom && (
              <p className="messages-new">
                <span>{t("chat.new")}</span>
              </p>
            )}
            <MessageGroup
              first={group.first}
              entries={group.entries}
              answered={group.entries.map(answeredBy)}
              isMine={group.first.from === me}
              isLast={group.entries.at(-1) === last}
              actions={actions}
              onShow={show}
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
