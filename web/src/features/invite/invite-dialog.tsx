import "./invite.css";
import { useTranslation } from "react-i18next";
import { Modal } from "../../kit/dialog";
import { useRoomState, useVisit } from "../visit/context";
import { InviteLink } from "./invite-link";

export function InviteDialog() {
  const { t } = useTranslation();
  const { ui } = useVisit();
  const code = useRoomState()?.inviteCode ?? "";
  return (
    <Modal
      title={t("invite.title")}
      closeLabel={t("common.close")}
      onClose={() => ui.showDialog(null)}
    >
      <p className="muted">{t("invite.lead")}</p>
      <InviteLink code={code} />
      <p className="invite-code">{t("invite.code", { code: `\u2066${code}\u2069` })}</p>
    </Modal>
  );
}
