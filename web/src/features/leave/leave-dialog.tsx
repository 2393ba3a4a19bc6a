import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Modal } from "../../kit/dialog";
import { useMe, useVisit } from "../visit/context";

/** Asks once, and shows a host both ways out side by side. */
export function LeaveDialog() {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const isHost = useMe()?.isAdmin ?? false;
  const [ending, setEnding] = useState(false);
  const close = () => ui.showDialog(null);
  const endForAll = async () => {
    setEnding(true);
    const { ok } = await session.endForAll().catch(() => ({ ok: false }));
    setEnding(false);
    if (!ok) close();
  };
  return (
    <Modal title={t("leave.title")} closeLabel={t("common.close")} onClose={close}>
      <p className="muted">{t(isHost ? "leave.leadHost" : "leave.lead")}</p>
      <div className="dialog-actions">
        <button type="button" className="button button-plain" onClick={close}>
          {t("leave.stay")}
        </button>
        {isHost && (
          <button
            type="button"
            className="button button-plain"
            disabled={ending}
            onClick={() => void endForAll()}
          >
            {t(ending ? "leave.ending" : "leave.endAll")}
          </button>
        )}
        <button type="button" className="button button-danger" onClick={() => session.leave()}>
          {t("leave.leave")}
        </button>
      </div>
    </Modal>
  );
}
