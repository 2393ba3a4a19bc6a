import { Maximize, Minimize, MonitorUp } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../kit/icon-button";
import { useSession } from "../visit/context";
import { TrackVideo } from "./track-video";
import type { Share } from "./use-tiles";

/** One shared screen large; with several, a row of names to choose from. */
export function SharedScreens({ shares }: { readonly shares: readonly Share[] }) {
  const { t } = useTranslation();
  const [wanted, setWanted] = useState<string | null>(null);
  const shown = shares.find(({ id }) => id === wanted) ?? shares[0];
  if (!shown) return null;
  const label = (share: Share) =>
    share.isMe ? t("stage.yourScreen") : t("stage.screenOf", { name: share.name });
  return (
    <div className="shares">
      {shares.length > 1 && (
        <div className="share-picker" role="group" aria-label={t("stage.shares")}>
          {shares.map((share) => (
            <button
              key={share.id}
              type="button"
              className="button button-plain"
              aria-pressed={share === shown}
              onClick={() => setWanted(share.id)}
            >
              {label(share)}
            </button>
          ))}
        </div>
      )}
      <SharedScreen key={shown.id} share={shown} label={label(shown)} />
    </div>
  );
}

function SharedScreen({ share, label }: { readonly share: Share; readonly label: string }) {
  const { t } = useTranslation();
  const { media } = useSession();
  const frame = useRef<HTMLElement>(null);
  const [full, setFull] = useState(false);
  useEffect(() => {
    const onChange = () => setFull(document.fullscreenElement === frame.current);
    document.addEventListener("fullscreenchange", onChange);
    return () => document.removeEventListener("fullscreenchange", onChange);
  }, []);
  return (
    <figure className="shared-screen" aria-label={label} ref={frame}>
      <TrackVideo track={share.media.screen} fit="contain" />
      <figcaption className="tile-caption">
        <MonitorUp className="icon icon-small" aria-hidden="true" />
        <span className="tile-name" dir="auto">
          {label}
        </span>
      </figcaption>
      {share.isMe ? (
        <div className="own-share">
          <p>{t("stage.youShare")}</p>
          <button
            type="button"
            className="button button-danger"
            onClick={() => media.screen.want(false)}
          >
            {t("toolbar.stopShare")}
          </button>
        </div>
      ) : (
        <IconButton
          icon={full ? Minimize : Maximize}
          className="tile-pin"
          label={t(full ? "stage.exitFullscreen" : "stage.fullscreen")}
          onClick={() =>
            // Refused by the browser means it stays as it is, which is visible.
            void (full ? document.exitFullscreen() : frame.current?.requestFullscreen())?.catch(
              () => undefined,
            )
          }
        />
      )}
    </figure>
  );
}
