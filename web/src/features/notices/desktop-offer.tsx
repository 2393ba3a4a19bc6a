import { BellRing } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { browserOf } from "../../kit/browser";
import { usePrefs } from "../settings/prefs-context";
import { canAskToNotify, isBlocked } from "./desktop";
import { useDesktopSwitch } from "./use-desktop-switch";

/** Where the missed ones are read is where one wishes to have been told; nobody is asked before. */
export function DesktopOffer() {
  const { t } = useTranslation();
  const [{ desktopNotices }] = usePrefs();
  const turn = useDesktopSwitch();
  // Drawn anew once the browser has answered.
  const [, answered] = useState<boolean>();
  if (isBlocked()) return <BlockedHint />;
  if (desktopNotices || !canAskToNotify()) return null;
  return (
    <div className="notices-offer">
      <BellRing className="icon" aria-hidden="true" />
      <p>{t("notice.desktopOffer")}</p>
      <button
        type="button"
        className="button button-second button-small"
        onClick={() => void turn(true).then(answered)}
      >
        {t("notice.desktopOn")}
      </button>
    </div>
  );
}

/** What to do where the browser has them blocked; nothing where it has not. */
export function BlockedHint() {
  const { t } = useTranslation();
  if (!isBlocked()) return null;
  return (
    <p className="notices-offer muted">
      {t(`notice.desktopBlocked.${browserOf(navigator.userAgent)}`)}
    </p>
  );
}
