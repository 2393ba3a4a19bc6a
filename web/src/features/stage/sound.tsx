import { useEffect, useRef } from "react";
import { useSelected } from "../../kit/use-store";
import type { TrackHandle } from "../../session/media";
import { useSession } from "../visit/context";

/** What everybody says and plays: one hidden element per track, wherever the tiles are. */
export function Sound() {
  const { media } = useSession();
  const people = useSelected(media, (now) => now.people);
  return (
    <div hidden>
      {[...people].flatMap(([id, { sound, screenSound }]) => [
        sound && <TrackAudio key={`${id}-${sound.id}`} track={sound} who={id} />,
        screenSound && <TrackAudio key={`${id}-${screenSound.id}`} track={screenSound} who={id} />,
      ])}
    </div>
  );
}

function TrackAudio({ track, who }: { readonly track: TrackHandle; readonly who: string }) {
  const audio = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const element = audio.current;
    return element ? track.attach(element) : undefined;
  }, [track]);
  // Live speech has no caption file; captions are text of their own elsewhere on the page.
  // oxlint-disable-next-line jsx-a11y/media-has-caption
  return <audio ref={audio} autoPlay data-participant={who} />;
}
