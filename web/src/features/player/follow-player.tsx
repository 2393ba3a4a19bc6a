import { Volume2, VolumeX } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../kit/icon-button";
import { playAt, useCanSetVolume } from "../../kit/volume";
import { together } from "../../session/together";
import { correction, positionNow } from "../../session/together/player";
import { useSession } from "../visit/context";

/** How often this player is compared with where it should be. */
const LOOK_MS = 1_000;

/** Follows the presenter; only how loud it is is one's own. */
export function FollowPlayer({ url }: { readonly url: string }) {
  const { t } = useTranslation();
  const { player } = together(useSession());
  const video = useRef<HTMLVideoElement>(null);
  const levels = useCanSetVolume();
  const [volume, setVolume] = useState(1);
  const [blocked, setBlocked] = useState(false);
  const [broken, setBroken] = useState(false);

  const follow = useCallback(() => {
    const element = video.current;
    if (!element || element.readyState === 0) return;
    const now = player.getSnapshot();
    const should = Math.min(positionNow(now, Date.now()), element.duration || Infinity);
    const { seek, rate } = correction(element.currentTime, should, now.playing);
    if (seek !== null) element.currentTime = seek;
    if (element.playbackRate !== rate) element.playbackRate = rate;
    if (now.playing && element.paused && !element.ended) {
      element.play().catch((error: unknown) => {
        // Sound without a click is refused; the picture alone is not.
        if (!(error instanceof Error) || error.name !== "NotAllowedError") return;
        element.muted = true;
        setBlocked(true);
        element.play().catch(() => undefined);
      });
    } else if (!now.playing && !element.paused) element.pause();
  }, [player]);
  useEffect(() => {
    follow();
    const stop = player.subscribe(follow);
    const timer = setInterval(follow, LOOK_MS);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, [follow, player]);

  const loudness = (next: number) => {
    const element = video.current;
    if (!element) return;
    playAt(element, next);
    setVolume(next);
    setBlocked(false);
  };
  const silent = blocked || volume === 0;
  return (
    <>
      {/* What somebody brings along has no captions of ours. */}
      {/* oxlint-disable-next-line jsx-a11y/media-has-caption */}
      <video
        ref={video}
        className="player-video"
        src={url}
        playsInline
        aria-label={t("player.label")}
        onLoadedMetadata={follow}
        onError={() => setBroken(true)}
        onContextMenu={(event) => event.preventDefault()}
      />
      {broken && (
        <p className="player-broken" role="alert">
          {t("player.broken")}
        </p>
      )}
      <div className="player-volume">
        <IconButton
          icon={silent ? VolumeX : Volume2}
          label={t(silent ? "player.soundOn" : "player.soundOff")}
          onClick={() => loudness(silent ? volume || 1 : 0)}
        />
        {levels && (
          <input
            type="range"
            className="range"
            aria-label={t("view.volume")}
            min={0}
            max={1}
            step={0.05}
            value={silent ? 0 : volume}
            onChange={(event) => loudness(Number(event.target.value))}
          />
        )}
      </div>
    </>
  );
}
