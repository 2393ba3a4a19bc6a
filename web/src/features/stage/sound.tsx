import { useEffect, useRef } from "react";
import { playAt } from "../../kit/volume";
import { useSelected } from "../../kit/use-store";
import type { TrackHandle } from "../../session/media";
import { usePrefs } from "../settings/prefs-context";
import { useVisit } from "../visit/context";

/** What everybody says and plays: one hidden element per track, wherever the tiles are. */
export function Sound() {
  const { session, ui } = useVisit();
  const { media } = session;
  const people = useSelected(media, (now) => now.people);
  const volumes = useSelected(ui, (now) => now.volumes);
  const [{ volume: voices, shareVolume }] = usePrefs();
  return (
    <div hidden>
      {[...people].flatMap(([id, { sound, screenSound }]) =>
        [[sound, voices] as const, [screenSound, shareVolume] as const].map(
          ([track, volume]) =>
            track && (
              <TrackAudio
                key={`${id}-${track.id}`}
                track={track}
                who={id}
                volume={(volumes.get(id) ?? 1) * volume}
              />
            ),
        ),
      )}
    </div>
  );
}

interface TrackAudioProps {
  readonly track: TrackHandle;
  readonly who: string;
  readonly volume: number;
}

function TrackAudio({ track, who, volume }: TrackAudioProps) {
  const audio = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const element = audio.current;
    return element ? track.attach(element) : undefined;
  }, [track]);
  const apply = () => {
    if (audio.current) playAt(audio.current, volume);
  };
  useEffect(apply, [volume]);
  return (
    // Live speech has no caption file; captions are text of their own elsewhere on the page.
    // oxlint-disable-next-line jsx-a11y/media-has-caption
    <audio
      ref={audio}
      autoPlay
      data-participant={who}
      // The library unmutes everything when sound is started by a press.
      onVolumeChange={apply}
    />
  );
}
