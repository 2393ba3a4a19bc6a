import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Modal } from "../../kit/dialog";
import { CheckField } from "../../kit/field";
import { useRoomState, useVisit } from "../visit/context";
import { useModeration } from "./use-moderation";

/** Nobody can be unmuted again by somebody else, so it asks once, and how far it goes. */
export function MuteAllDialog() {
  const { t } = useTranslation();
  const { ui } = useVisit();
  const { muteAll, allowSelfUnmute } = useModeration();
  const room = useRoomState();
  const [hostsToo, setHostsToo] = useState(false);
  const [selfUnmute, setSelfUnmute] = useState(room?.selfUnmute ?? true);
  const close = () => ui.showDialog(null);
  if (!room) return null;
  const run = async () => {
    close();
    if (selfUnmute !== room.selfUnmute && !(await allowSelfUnmute(selfUnmute))) return;
    await muteAll(hostsToo);
  };
  return (
    <Modal title={t("host.muteAllTitle")} closeLabel={t("common.close")} onClose={close}>
      <p className="muted">{t("host.muteAllLead")}</p>
      <div>
        <CheckField label={t("host.hostsToo")} checked={hostsToo} onChange={setHostsToo} />
        <CheckField label={t("host.selfUnmute")} checked={selfUnmute} onChange={setSelfUnmute} />
      </div>
      <div className="dialog-actions">
        <button type="button" className="button button-plain" onClick={close}>
          {t("host.cancel")}
        </button>
        <button type="button" className="button button-primary" onClick={() => void run()}>
          {t("host.muteAll")}
        </button>
      </div>
    </Modal>
  );
}
