import { useEffect, useRef } from "react";
import type { TrackHandle } from "../../session/media";

interface TrackVideoProps {
  readonly track: TrackHandle;
  readonly mirrored?: boolean;
  readonly fit?: "cover" | "contain";
}

/** A picture, attached while it is on screen so that hidden ones cost nothing. */
export function TrackVideo({ track, mirrored = false, fit = "cover" }: TrackVideoProps) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    return element ? track.attach(element) : undefined;
  }, [track]);
  return (
    <video
      ref={video}
      className="track-video"
      autoPlay
      playsInline
      muted
      data-mirrored={mirrored}
      data-fit={fit}
    />
  );
}
