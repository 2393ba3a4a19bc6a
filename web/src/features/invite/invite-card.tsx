import "./invite.css";
import { X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../kit/icon-button";
import { useRoomState } from "../visit/context";
import { InviteLink } from "./invite-link";

/** For whoever is the only one here: that it is so, and how others come in. */
export function AloneCard() {
  const { t } = useTranslation();
  const code = useRoomState()?.inviteCode ?? null;
  const [hidden, setHidden] = useState(false);
  if (code === null || hidden) return <p className="alone-line">{t("stage.alone")}</p>;
  return (
    <section className="alone-card card" aria-labelledby="alone-title">
      <div className="alone-head">
        <h2 id="alone-title">{t("stage.alone")}</h2>
        <IconButton icon={X} label={t("common.close")} onClick={() => setHidden(true)} />
      </div>
      <p className="muted">{t("stage.aloneLead")}</p>
      <InviteLink code={code} />
    </section>
  );
}
