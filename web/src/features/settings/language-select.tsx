import "./language-select.css";
import { useTranslation } from "react-i18next";
import { LANGUAGES } from "../../i18n";
import { Select } from "../../kit/field";
import { usePrefs } from "./prefs-context";

/** The language as a small list without a visible label, for the corner of a page. */
export function LanguageSelect() {
  const { t, i18n } = useTranslation();
  const [, changePrefs] = usePrefs();
  return (
    <Select
      className="language-select"
      aria-label={t("settings.language")}
      value={i18n.language}
      onChange={(event) => changePrefs({ language: event.target.value })}
    >
      {LANGUAGES.map(({ code, name }) => (
        <option key={code} value={code} lang={code}>
          {name}
        </option>
      ))}
    </Select>
  );
}
