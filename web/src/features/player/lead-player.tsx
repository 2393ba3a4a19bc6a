import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { together } from "../../session/together";
import { positionNow } from "../../session/together/player";
import { useSession } from "../visit/context";

/** How often the others hear where it is, so that nobody drifts away. */
const TELL_MS = 5_000;

/** The presenter's: the browser's own controls, and everybody hears what is done with them. */
export function LeadPlayer({ url }: { readonly url: string }) {
  const { t } = useTranslation();
  const { player } = together(useSession());
  const video = useRef<HTMLVideoElement>(null);
  const tell = (action: "play" | "pause" | "seeked") => {
    const seekTo = video.current?.currentTime ?? 0;
    player.lead({ action, seekTo });
  };
  useEffect(() => {
    const element = video.current;
    const timer = setInterval(() => {
      if (element && !element.paused) player.lead({ action: "play", seekTo: element.currentTime });
    }, TELL_MS);
    return () => clearInterval(timer);
  }, [player]);
  return (
    // What somebody brings along has no captions of ours.
    // oxlint-disable-next-line jsx-a11y/media-has-caption
    <video
      ref={video}
      className="player-video"
      src={url}
      controls
      playsInline
      aria-label={t("player.label")}
      onLoadedMetadata={({ currentTarget }) => {
        // Whoever becomes the presenter goes on where everybody is.
        const there = player.getSnapshot();
        if (there.at === 0) return;
        currentTarget.currentTime = positionNow(there, Date.now());
        if (there.playing) void currentTarget.play().catch(() => undefined);
      }}
      onPlay={() => tell("play")}
      onPause={() => tell("pause")}
      onSeeked={() => tell("seeked")}
    />
  );
}
