import { useEffect, useRef, useState } from "react";
import type { TrackHandle } from "../../session/media";

interface TrackVideoProps {
  readonly track: TrackHandle;
  readonly mirrored?: boolean;
  readonly fit?: "cover" | "contain";
  /** Width by height of what is seen, and again when it turns. */
  readonly onShape?: (ratio: number) => void;
}

/** A picture, attached while it is on screen so that hidden ones cost nothing. Give it the track's id as key. */
export function TrackVideo({ track, mirrored = false, fit = "cover", onShape }: TrackVideoProps) {
  const video = useRef<HTMLVideoElement>(null);
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    const element = video.current;
    return element ? track.attach(element) : undefined;
  }, [track]);
  const measure = () => {
    const { videoWidth, videoHeight } = video.current ?? { videoWidth: 0, videoHeight: 0 };
    if (videoHeight > 0) onShape?.(videoWidth / videoHeight);
  };
  return (
    <video
      ref={video}
      className="track-video"
      autoPlay
      playsInline
      muted
      data-playing={playing}
      data-mirrored={mirrored}
      data-fit={fit}
      onLoadedMetadata={measure}
      onResize={measure}
      onPlaying={() => setPlaying(true)}
      onEmptied={() => setPlaying(false)}
    />
  );
}
