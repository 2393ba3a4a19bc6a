import { memo } from "react";
import { useTranslation } from "react-i18next";
import { formatLocale } from "../../i18n";
import { Avatar } from "../../kit/avatar";
import { RichText } from "../../kit/rich-text";
import { useSelected } from "../../kit/use-store";
import type { Entry } from "../../session/chat";
import { useSession } from "../visit/context";
import { Message } from "./message";
import type { LineActions } from "./use-line-actions";

interface MessageGroupProps {
  readonly first: Entry;
  readonly entries: readonly Entry[];
  /** What each of them answers, if it answers something that is still known. */
  readonly answered: readonly (Entry | null)[];
  readonly isMine: boolean;
  /** Whether the newest line there is stands here. */
  readonly isLast: boolean;
  readonly actions: LineActions;
  /** Goes to a line. */
  readonly onShow: (entry: Entry) => void;
}

/** The welcome has no time of its own. */
const NO_TIME = 1;

/** Lists are made anew with each line that comes; what is in them mostly is not. */
function isSame(before: unknown, now: unknown): boolean {
  if (!Array.isArray(before) || !Array.isArray(now)) return Object.is(before, now);
  return before.length === now.length && before.every((one, at) => one === now[at]);
}

/** Lines of one person under one name. Drawn again only when something in it is another. */
export const MessageGroup = memo(Group, (before, now) =>
  (Object.keys(now) as (keyof MessageGroupProps)[]).every((key) => isSame(before[key], now[key])),
);

function Group(props: MessageGroupProps) {
  const { first, entries, answered, isMine, isLast, actions, onShow } = props;
  const { t, i18n } = useTranslation();
  const { people } = useSession();
  // As the server says, not as the message does.
  const standing = useSelected(people, (all) => {
    const person = all.get(first.from);
    if (!person) return "gone";
    return person.isAdmin ? "host" : "here";
  });
  if (first.system) {
    return (
      <div className="message-system" dir="auto">
        <RichText html={first.html} />
      </div>
    );
  }
  const isHere = isMine || standing !== "gone";
  const name = isMine
    ? t("chat.you")
    : isHere
      ? first.fromName
      : t("chat.gone", { name: first.fromName });
  const time =
    first.sentAt > NO_TIME
      ? new Intl.DateTimeFormat(formatLocale(i18n.language), { timeStyle: "short" }).format(
          first.sentAt,
        )
      : "";
  return (
    <div className="message-group" data-mine={isMine}>
      {!isMine && <Avatar id={first.from} name={first.fromName} />}
      <div className="message-words">
        <p className="message-head">
          <span className="message-name">{isMine || !isHere ? name : <bdi>{name}</bdi>}</span>
          {standing === "host" && !isMine && (
            <span className="message-host">{t("people.host")}</span>
          )}
          <time className="muted tabular">{time}</time>
        </p>
        {entries.map((entry, at) => (
          <Message
            key={entry.id}
            entry={entry}
            answered={answered[at] ?? null}
            actions={actions}
            onShow={onShow}
            isLast={isLast && at === entries.length - 1}
          />
        ))}
      </div>
    </div>
  );
}
