import { useTranslation } from "react-i18next";
import { Modal } from "../../kit/dialog";
import { plainText } from "../../kit/rich-text";
import type { Entry } from "../../session/chat";

interface DeleteDialogProps {
  readonly entry: Entry;
  readonly onClose: () => void;
  readonly onDelete: () => void;
}

/** Longest part of the message that is shown again. */
const MAX_SHOWN = 160;

export function DeleteDialog({ entry, onClose, onDelete }: DeleteDialogProps) {
  const { t } = useTranslation();
  return (
    <Modal title={t("chat.deleteTitle")} closeLabel={t("common.close")} onClose={onClose}>
      <blockquote className="chat-quoted" dir="auto">
        {plainText(entry.html).slice(0, MAX_SHOWN)}
      </blockquote>
      <p className="muted">{t("chat.deleteLead")}</p>
      <div className="dialog-actions">
        <button type="button" className="button button-plain" onClick={onClose}>
          {t("chat.keep")}
        </button>
        <button
          type="button"
          className="button button-danger"
          onClick={() => {
            onDelete();
            onClose();
          }}
        >
          {t("chat.delete")}
        </button>
      </div>
    </Modal>
  );
}
