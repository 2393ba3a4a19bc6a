import { useTranslation } from "react-i18next";
import { formatLocale } from "../../i18n";
import { Avatar } from "../../kit/avatar";
import { RichText } from "../../kit/rich-text";
import type { Entry } from "../../session/chat";
import type { Group } from "./group";
import { Message } from "./message";
import type { LineActions } from "./use-line-actions";

interface MessageGroupProps {
  readonly group: Group;
  readonly isMine: boolean;
  readonly isHere: boolean;
  /** As the server says, not as the message does. */
  readonly isHost: boolean;
  readonly actions: LineActions;
  /** The newest line there is. */
  readonly lastId: string | null;
  /** A line by its id. */
  readonly find: (id: string) => Entry | null;
}

/** The welcome has no time of its own. */
const NO_TIME = 1;

export function MessageGroup(props: MessageGroupProps) {
  const { group, isMine, isHere, isHost, actions, lastId, find } = props;
  const { t, i18n } = useTranslation();
  const { first, entries } = group;
  if (first.system) {
    return (
      <div className="message-system" dir="auto">
        <RichText html={first.html} />
      </div>
    );
  }
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
          {isHost && !isMine && <span className="message-host">{t("people.host")}</span>}
          <time className="muted tabular">{time}</time>
        </p>
        {entries.map((entry) => (
          <Message
            key={entry.id}
            entry={entry}
            answered={entry.replyTo === undefined ? null : find(entry.replyTo)}
            actions={actions}
            tabStop={entry.id === lastId}
            confirms={entry.id === lastId}
          />
        ))}
      </div>
    </div>
  );
}
