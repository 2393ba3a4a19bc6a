import { useTranslation } from "react-i18next";
import { CheckField, RangeField } from "../../kit/field";
import { useCanSetVolume } from "../../kit/volume";
import { usePrefs } from "./prefs-context";

/** How loud all voices are, and what is shared; on top of what is set for one person. */
export function VolumeFields() {
  const { t } = useTranslation();
  const [{ volume, shareVolume }, change] = usePrefs();
  const levels = useCanSetVolume();
  const percent = (part: number) => t("view.percent", { value: Math.round(part * 100) });
  if (!levels) {
    return (
      <>
        <CheckField
          label={t("settings.hearVoices")}
          checked={volume > 0}
          onChange={(on) => change({ volume: on ? 1 : 0 })}
        />
        <CheckField
          label={t("settings.hearShares")}
          checked={shareVolume > 0}
          onChange={(on) => change({ shareVolume: on ? 1 : 0 })}
        />
        <p className="field-hint">{t("settings.deviceVolume")}</p>
      </>
    );
  }
  return (
    <>
      <RangeField
        label={t("settings.volume")}
        value={volume}
        text={percent(volume)}
        onChange={(next) => change({ volume: next })}
      />
      <RangeField
        label={t("settings.shareVolume")}
        value={shareVolume}
        text={percent(shareVolume)}
        onChange={(next) => change({ shareVolume: next })}
      />
    </>
  );
}
