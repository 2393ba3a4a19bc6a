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
  const full = useSelected(media, (now) => now.full);
  const shown = useStore(line) === "good" && lost;
  const words = t(full ? "stage.full" : "stage.noMedia");
  useEffect(() => {
    if (shown) announce(words);
  }, [shown, words]);
  if (!shown) return null;
  return (
    <div className="media-banner">
      <VolumeX className="icon" aria-hidden="true" />
      <p>
        <strong>{words}</strong> {t(full ? "stage.fullLead" : "stage.noMediaLead")}
      </p>
    </div>
  );
}
