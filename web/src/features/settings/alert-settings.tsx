import { useState } from "react";
import { useTranslation } from "react-i18next";
import { CheckField } from "../../kit/field";
import { playTones } from "../../kit/tones";
import { ALERTS, type Alert } from "../../session/alerts";
import { BlockedHint } from "../notices/desktop-offer";
import { SOUNDS } from "../notices/sounds";
import { useDesktopSwitch } from "../notices/use-desktop-switch";
import { useMe } from "../visit/context";
import { usePrefs } from "./prefs-context";

/** Of these only hosts hear. */
const HOSTS_ONLY: readonly Alert[] = ["hand", "waiting"];

/** Whether there are sounds and notices of the system, and of what. */
export function AlertSettings() {
  const { t } = useTranslation();
  const [{ sounds, desktopNotices, quiet, speaker }, change] = usePrefs();
  const turnDesktop = useDesktopSwitch();
  // Drawn anew once the browser has answered, which may be a refusal that changes nothing else.
  const [, answered] = useState<boolean>();
  const isHost = useMe()?.isAdmin ?? false;
  const offered = ALERTS.filter((alert) => isHost || !HOSTS_ONLY.includes(alert));
  const turn = (alert: Alert, on: boolean) => {
    change({ quiet: on ? quiet.filter((one) => one !== alert) : [...quiet, alert] });
    // One hears what one has chosen.
    if (on && sounds) playTones(SOUNDS[alert], speaker).catch(() => undefined);
  };
  return (
    <section className="settings-group">
      <h3>{t("settings.alerts")}</h3>
      <CheckField
        label={t("settings.sounds")}
        checked={sounds}
        onChange={(on) => change({ sounds: on })}
      />
      <CheckField
        label={t("settings.desktopNotices")}
        checked={desktopNotices}
        onChange={(on) => void turnDesktop(on).then(answered)}
      />
      <BlockedHint />
      <fieldset className="settings-alerts" disabled={!sounds && !desktopNotices}>
        <legend className="field-label">{t("settings.alertsOf")}</legend>
        {offered.map((alert) => (
          <CheckField
            key={alert}
            label={t(`settings.alert.${alert}`)}
            checked={!quiet.includes(alert)}
            onChange={(on) => turn(alert, on)}
          />
        ))}
      </fieldset>
    </section>
  );
}
