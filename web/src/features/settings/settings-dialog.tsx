import "./settings.css";
import { useTranslation } from "react-i18next";
import { LANGUAGES } from "../../i18n";
import { Modal } from "../../kit/dialog";
import { CheckField, SelectField } from "../../kit/field";
import { RichText } from "../../kit/rich-text";
import type { Theme } from "../../session/prefs";
import { BackgroundRow } from "../backgrounds/background-row";
import { useRoomState, useVisit } from "../visit/context";
import { AlertSettings } from "./alert-settings";
import { DeviceSelect } from "./device-select";
import { usePrefs } from "./prefs-context";
import { SavingSettings } from "./saving-settings";
import { VolumeFields } from "./volume-fields";

const AUTO = "auto";

export function SettingsDialog() {
  const { t } = useTranslation();
  const { ui } = useVisit();
  const [prefs, change] = usePrefs();
  const themes: readonly { value: Theme; label: string }[] = [
    { value: "system", label: t("settings.themeSystem") },
    { value: "light", label: t("settings.themeLight") },
    { value: "dark", label: t("settings.themeDark") },
  ];
  return (
    <Modal
      title={t("settings.title")}
      closeLabel={t("common.close")}
      onClose={() => ui.showDialog(null)}
      wide
    >
      <section className="settings-group">
        <h3>{t("settings.devices")}</h3>
        <DeviceSelect kind="audioinput" />
        <DeviceSelect kind="videoinput" />
        <BackgroundRow />
        <DeviceSelect kind="audiooutput" />
        <VolumeFields />
        <CheckField
          label={t("settings.mirror")}
          checked={prefs.mirrorSelf}
          onChange={(mirrorSelf) => change({ mirrorSelf })}
        />
      </section>
      <SavingSettings />
      <section className="settings-group settings-pair">
        <h3>{t("settings.appearance")}</h3>
        <SelectField
          label={t("settings.theme")}
          value={prefs.theme}
          choices={themes}
          onChange={(value) =>
            change({ theme: themes.find((theme) => theme.value === value)?.value ?? "system" })
          }
        />
        <SelectField
          label={t("settings.language")}
          value={prefs.language ?? AUTO}
          choices={[
            { value: AUTO, label: t("settings.languageAuto") },
            ...LANGUAGES.map(({ code, name }) => ({ value: code, label: name })),
          ]}
          onChange={(value) => change({ language: value === AUTO ? null : value })}
        />
        <CheckField
          label={t("settings.speakersForward")}
          checked={prefs.speakersForward}
          onChange={(speakersForward) => change({ speakersForward })}
        />
      </section>
      <AlertSettings />
      <section className="settings-group">
        <h3>{t("settings.keyboard")}</h3>
        <CheckField
          label={t("settings.shortcutsOn")}
          checked={prefs.shortcuts}
          onChange={(shortcuts) => change({ shortcuts })}
        />
      </section>
      <Copyright />
      <Version />
    </Modal>
  );
}

/** Whose house this is, in the operator's words. */
function Copyright() {
  const text = useRoomState()?.activities.copyright ?? null;
  if (text === null) return null;
  return (
    <p className="settings-copyright muted">
      <RichText html={text} />
    </p>
  );
}

/** What somebody who asks for help is asked for. */
function Version() {
  const { t } = useTranslation();
  const version = useVisit().session.serverVersion();
  if (version === null) return null;
  return (
    <p className="settings-copyright muted tabular">
      {t("app.name")} <span dir="ltr">{version}</span>
    </p>
  );
}
