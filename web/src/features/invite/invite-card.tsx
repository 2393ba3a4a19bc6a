import "./invite.css";
import { useTranslation } from "react-i18next";
import { useRoomState } from "../visit/context";
import { InviteLink } from "./invite-link";

/** For whoever is the first one here. */
export function InviteCard() {
  const { t } = useTranslation();
  const code = useRoomState()?.inviteCode ?? null;
  if (code === null) return null;
  return (
    <section className="invite-card card" aria-labelledby="invite-card-title">
      <h2 id="invite-card-title">{t("stage.alone")}</h2>
      <p className="muted">{t("stage.aloneLead")}</p>
      <InviteLink code={code} />
    </section>
  );
}
