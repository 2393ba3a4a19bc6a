import { CircleAlert } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Modal } from "../../kit/dialog";
import { ServerText } from "../../kit/server-text";
import { useMe, useVisit } from "../visit/context";

/** Asks once, and shows a host both ways out side by side. */
export function LeaveDialog() {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const isHost = useMe()?.isAdmin ?? false;
  const [ending, setEnding] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const close = () => ui.showDialog(null);
  const endForAll = async () => {
    setEnding(true);
    setProblem(null);
    const { ok, reason } = await session.endForAll();
    setEnding(false);
    // Succeeded: the server tells everybody, this person included, that it is over.
    if (!ok) setProblem(reason);
  };
  return (
    <Modal title={t("leave.title")} closeLabel={t("common.close")} onClose={close}>
      <p className="muted">{t(isHost ? "leave.leadHost" : "leave.lead")}</p>
      {problem !== null && (
        <p className="problem" role="alert">
          <CircleAlert className="icon" aria-hidden="true" />
          <span>
            {t("leave.failed")} <ServerText text={problem} />
          </span>
        </p>
      )}
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
