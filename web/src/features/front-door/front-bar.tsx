import { useTranslation } from "react-i18next";
import { LanguageSelect } from "../settings/language-select";

/** Whose page this is, and the one setting a stranger may need at once. */
export function FrontBar() {
  const { t } = useTranslation();
  return (
    <header className="front-bar">
      <span className="brand">
        <img src="/plenum.svg" alt="" width="28" height="28" />
        {t("app.name")}
      </span>
      <LanguageSelect />
    </header>
  );
}
