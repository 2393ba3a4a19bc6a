import { CircleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { formatLocale } from "../../i18n";
import { Avatar } from "../../kit/avatar";
import { RichText } from "../../kit/rich-text";
import type { Entry } from "../../session/chat";
import type { Group } from "./group";

interface MessageGroupProps {
  readonly group: Group;
  readonly isMine: boolean;
  readonly isHere: boolean;
  /** As the server says, not as the message does. */
  readonly isHost: boolean;
  readonly onResend: (entry: Entry) => void;
}

/** The welcome has no time of its own. */
const NO_TIME = 1;

export function MessageGroup({ group, isMine, isHere, isHost, onResend }: MessageGroupProps) {
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
          <div key={entry.id} className="message">
            <div dir="auto">
              <RichText html={entry.html} />
            </div>
            <Delivery entry={entry} onResend={onResend} />
          </div>
        ))}
      </div>
    </div>
  );
}

function Delivery({ entry, onResend }: Pick<MessageGroupProps, "onResend"> & { entry: Entry }) {
  const { t } = useTranslation();
  if (entry.delivery === "sending") return <span className="delivery">{t("chat.sending")}</span>;
  if (entry.delivery !== "failed") return null;
  return (
    <span className="delivery delivery-failed">
      <CircleAlert className="icon icon-small" aria-hidden="true" />
      {t("chat.failed")}
      <button type="button" className="link-button" onClick={() => onResend(entry)}>
        {t("chat.again")}
      </button>
    </span>
  );
}
