import { useTranslation } from "react-i18next";
import { CheckField, SelectField } from "../../kit/field";
import { TILES_PER_PAGE, VIDEO_QUALITIES } from "../../session/prefs";
import { usePrefs } from "./prefs-context";

const ALL = "all";

/** What is not fetched over a thin or dear line. */
export function SavingSettings() {
  const { t } = useTranslation();
  const [{ videoQuality, tilesPerPage, showCameras, showShares }, change] = usePrefs();
  return (
    <section className="settings-group settings-pair">
      <h3>{t("settings.saving")}</h3>
      <SelectField
        label={t("settings.videoQuality")}
        value={videoQuality}
        choices={VIDEO_QUALITIES.map((value) => ({ value, label: t(`settings.quality.${value}`) }))}
        onChange={(value) =>
          change({ videoQuality: VIDEO_QUALITIES.find((one) => one === value) ?? "high" })
        }
      />
      <SelectField
        label={t("settings.tilesPerPage")}
        value={String(tilesPerPage ?? ALL)}
        choices={[
          { value: ALL, label: t("settings.tilesAll") },
          ...TILES_PER_PAGE.map((count) => ({ value: String(count), label: String(count) })),
        ]}
        onChange={(value) =>
          change({ tilesPerPage: TILES_PER_PAGE.find((count) => String(count) === value) ?? null })
        }
      />
      <CheckField
        label={t("settings.showCameras")}
        checked={showCameras}
        onChange={(on) => change({ showCameras: on })}
      />
      <CheckField
        label={t("settings.showShares")}
        checked={showShares}
        onChange={(on) => change({ showShares: on })}
      />
    </section>
  );
}
