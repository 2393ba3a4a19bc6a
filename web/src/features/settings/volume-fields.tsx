import { useTranslation } from "react-i18next";
import { RangeField } from "../../kit/field";
import { usePrefs } from "./prefs-context";

/** How loud all voices are, and what is shared; on top of what is set for one person. */
export function VolumeFields() {
  const { t } = useTranslation();
  const [{ volume, shareVolume }, change] = usePrefs();
  const percent = (part: number) => t("view.percent", { value: Math.round(part * 100) });
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
