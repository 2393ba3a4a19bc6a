import { ImageIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useVisit } from "../visit/context";
import { useBackground } from "./use-background";

/** In the settings: the way to the choice, which needs room of its own. */
export function BackgroundRow() {
  const { t } = useTranslation();
  const { ui } = useVisit();
  const { offer } = useBackground();
  if (offer === "nothing") return null;
  if (offer === "unsupported") return <p className="field-hint">{t("background.unsupported")}</p>;
  return (
    <div>
      <button
        type="button"
        className="button button-plain button-small"
        onClick={() => ui.showDialog("background")}
      >
        <ImageIcon className="icon icon-small" aria-hidden="true" />
        {t("toolbar.background")}
      </button>
    </div>
  );
}
