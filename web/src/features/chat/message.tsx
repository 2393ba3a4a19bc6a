import { Check, CircleAlert, CornerUpLeft } from "lucide-react";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { RichText } from "../../kit/rich-text";
import type { Entry } from "../../session/chat";
import { LineMenu } from "./line-menu";
import { Signs } from "./signs";
import type { LineActions } from "./use-line-actions";
import { wordsOf } from "./words";

interface MessageProps {
  readonly entry: Entry;
  /** The line it answers, if it is still known. */
  readonly answered: Entry | null;
  readonly actions: LineActions;
  /** Goes to a line. */
  readonly onShow: (entry: Entry) => void;
  /** The newest line there is: reached with Tab, and the one that says that it arrived. */
  readonly isLast: boolean;
}

/** Longest part of an answered line that is shown again. */
const MAX_QUOTE = 120;

/** One line. Drawn again only when something of this line is another. */
export const Message = memo(function Message(props: MessageProps) {
  const { entry, answered, actions, onShow, isLast } = props;
  const { t } = useTranslation();
  if (entry.removed) return <p className="message message-removed muted">{t("chat.removed")}</p>;
  return (
    <div className="message" id={lineElementId(entry.id)} tabIndex={-1}>
      {entry.replyTo !== undefined && <Answered entry={answered} onShow={onShow} />}
      <div className="message-row">
        <div className="message-text" dir="auto">
          <RichText html={entry.html} />
          {entry.editedAt !== undefined && (
            <span className="message-edited muted"> {t("chat.edited")}</span>
          )}
        </div>
        <LineMenu entry={entry} actions={actions} tabStop={isLast} />
      </div>
      {entry.signs !== undefined && <Signs entry={entry} signs={entry.signs} actions={actions} />}
      <Delivery entry={entry} confirms={isLast} onResend={actions.resend} />
    </div>
  );
});

export const lineElementId = (id: string): string => `line-${id}`;

/** What a line answers; a press leads there. */
function Answered({ entry, onShow }: Pick<MessageProps, "onShow"> & { entry: Entry | null }) {
  const { t } = useTranslation();
  if (!entry || entry.removed) {
    return <p className="answered muted">{t("chat.answersUnknown")}</p>;
  }
  return (
    <button type="button" className="answered" onClick={() => onShow(entry)}>
      <CornerUpLeft className="icon icon-small flip" aria-hidden="true" />
      <span className="visually-hidden">{t("chat.answers")}</span>
      <bdi className="answered-name">{entry.fromName}</bdi>
      <span className="answered-text" dir="auto">
        {wordsOf(entry).slice(0, MAX_QUOTE)}
      </span>
    </button>
  );
}

interface DeliveryProps {
  readonly entry: Entry;
  /** Whether to say that it arrived. */
  readonly confirms: boolean;
  readonly onResend: (entry: Entry) => void;
}

function Delivery({ entry, confirms, onResend }: DeliveryProps) {
  const { t } = useTranslation();
  switch (entry.delivery) {
    case "sending":
      return <span className="delivery">{t("chat.sending")}</span>;
    case "sent":
      return confirms ? (
        <span className="delivery" title={t("chat.sent")}>
          <Check className="icon icon-small" aria-hidden="true" />
          <span className="visually-hidden">{t("chat.sent")}</span>
        </span>
      ) : null;
    case "failed":
      return (
        <span className="delivery delivery-failed">
          <CircleAlert className="icon icon-small" aria-hidden="true" />
          <span>
            {t("chat.failed")}
            {entry.refused !== undefined && `. ${t(entry.refused as "chat.failed")}`}
          </span>
          {entry.refused !== "chat.refused.tooLong" && (
            <button type="button" className="link-button" onClick={() => onResend(entry)}>
              {t("chat.again")}
            </button>
          )}
        </span>
      );
    case "received":
      return null;
  }
}
