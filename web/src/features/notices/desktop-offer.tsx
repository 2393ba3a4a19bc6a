import { BellRing } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { usePrefs } from "../settings/prefs-context";
import { askToNotify, canAskToNotify } from "./desktop";

/** Where the missed ones are read is where one wishes to have been told; nobody is asked before. */
export function DesktopOffer() {
  const { t } = useTranslation();
  const [{ desktopNotices }, change] = usePrefs();
  const [refused, setRefused] = useState(false);
  if (desktopNotices || (!refused && !canAskToNotify())) return null;
  if (refused) return <p className="notices-offer muted">{t("notice.desktopRefused")}</p>;
  const ask = async () => {
    const granted = await askToNotify();
    setRefused(!granted);
    change({ desktopNotices: granted });
  };
  return (
    <div className="notices-offer">
      <BellRing className="icon" aria-hidden="true" />
      <p>{t("notice.desktopOffer")}</p>
      <button
        type="button"
        className="button button-second button-small"
        onClick={() => void ask()}
      >
        {t("notice.desktopOn")}
      </button>
    </div>
  );
}
