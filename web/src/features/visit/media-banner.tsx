import { useEffect } from "react";
import { VolumeX } from "lucide-react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { useSelected, useStore } from "../../kit/use-store";
import { useSession } from "./context";

/** Sound and picture cannot be had, the rest can: says so and lets people get on with it. */
export function MediaBanner() {
  const { t } = useTranslation();
  const { line, media } = useSession();
  const lost = useSelected(media, ({ status }) => status === "lost");
  const shown = useStore(line) === "good" && lost;
  useEffect(() => {
    if (shown) announce(t("stage.noMedia"));
  }, [shown, t]);
  if (!shown) return null;
  return (
    <div className="media-banner">
      <VolumeX className="icon" aria-hidden="true" />
      <p>
        <strong>{t("stage.noMedia")}</strong> {t("stage.noMediaLead")}
      </p>
    </div>
  );
}
