import { Check, CircleAlert, CornerUpLeft } from "lucide-react";
import { useTranslation } from "react-i18next";
import { plainText, RichText } from "../../kit/rich-text";
import type { Entry } from "../../session/chat";
import { LineMenu } from "./line-menu";
import { Signs } from "./signs";
import type { LineActions } from "./use-line-actions";

interface MessageProps {
  readonly entry: Entry;
  /** The line it answers, if it is still known. */
  readonly answered: Entry | null;
  readonly actions: LineActions;
  readonly tabStop: boolean;
  /** Whether to say that it arrived. */
  readonly confirms: boolean;
}

/** Longest part of an answered line that is shown again. */
const MAX_QUOTE = 120;

export function Message({ entry, answered, actions, tabStop, confirms }: MessageProps) {
  const { t } = useTranslation();
  if (entry.removed) return <p className="message message-removed muted">{t("chat.removed")}</p>;
  return (
    <div className="message" id={lineElementId(entry.id)} tabIndex={-1}>
      {entry.replyTo !== undefined && <Answered entry={answered} />}
      <div className="message-row">
        <div className="message-text" dir="auto">
          <RichText html={entry.html} />
          {entry.editedAt !== undefined && (
            <span className="message-edited muted"> {t("chat.edited")}</span>
          )}
        </div>
        <LineMenu entry={entry} actions={actions} tabStop={tabStop} />
      </div>
      <Signs entry={entry} actions={actions} />
      <Delivery entry={entry} confirms={confirms} onResend={actions.resend} />
    </div>
  );
}

export const lineElementId = (id: string): string => `line-${id}`;

/** What a line answers; a press leads there. */
function Answered({ entry }: { readonly entry: Entry | null }) {
  const { t } = useTranslation();
  if (!entry || entry.removed) {
    return <p className="answered muted">{t("chat.answersUnknown")}</p>;
  }
  const show = () => {
    const line = document.getElementById(lineElementId(entry.id));
    line?.scrollIntoView({ block: "center" });
    line?.focus({ preventScroll: true });
  };
  return (
    <button type="button" className="answered" onClick={show}>
      <CornerUpLeft className="icon icon-small flip" aria-hidden="true" />
      <span className="visually-hidden">{t("chat.answers")}</span>
      <bdi className="answered-name">{entry.fromName}</bdi>
      <span className="answered-text" dir="auto">
        {plainText(entry.html).slice(0, MAX_QUOTE)}
      </span>
    </button>
  );
}

interface DeliveryProps {
  readonly entry: Entry;
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
