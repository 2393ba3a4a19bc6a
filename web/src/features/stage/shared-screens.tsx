import { Maximize, Minimize, MonitorUp, VideoOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../kit/icon-button";
import { useSession } from "../visit/context";
import { FullBar } from "./full-bar";
import { TrackVideo } from "./track-video";
import { useFullscreen } from "./use-fullscreen";
import type { Share } from "./use-tiles";

/** One shared screen, large. */
export function SharedScreen({ share }: { readonly share: Share }) {
  const { t } = useTranslation();
  const { filled, toggle } = useFullscreen();
  const label = t("stage.screenOf", { name: share.name });
  return (
    <figure className="shared-screen" aria-label={label} data-filled={filled}>
      <TrackVideo key={share.screen.id} track={share.screen} fit="contain" />
      <figcaption className="tile-caption">
        <MonitorUp className="icon icon-small" aria-hidden="true" />
        <span className="tile-name" dir="auto">
          {label}
        </span>
        {share.missing && (
          <span className="tile-trouble">
            <VideoOff className="icon icon-small" aria-hidden="true" />
            <span>{t("stage.noPicture")}</span>
          </span>
        )}
      </figcaption>
      <div className="tile-tools">
        <IconButton
          icon={filled ? Minimize : Maximize}
          className="on-picture"
          label={t(filled ? "stage.exitFullscreen" : "stage.fullscreen")}
          onClick={toggle}
        />
      </div>
      {filled && <FullBar />}
    </figure>
  );
}

/** Instead of my own screen inside my own screen: that it is seen, and the way to end it. */
export function OwnShare() {
  const { t } = useTranslation();
  const { media } = useSession();
  return (
    <div className="own-share">
      <MonitorUp className="icon" aria-hidden="true" />
      <p>{t("stage.youShare")}</p>
      <button
        type="button"
        className="button button-danger button-small"
        onClick={() => media.screen.want(false)}
      >
        {t("toolbar.stopShare")}
      </button>
    </div>
  );
}
