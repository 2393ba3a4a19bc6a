import { Hand, MicOff, Pin, PinOff, Volume2, WifiLow, WifiOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Avatar } from "../../kit/avatar";
import { IconButton } from "../../kit/icon-button";
import type { PersonMedia } from "../../session/media";
import type { Person } from "../../wire/types";
import { TrackVideo } from "./track-video";

interface TileProps {
  readonly person: Person;
  readonly media: PersonMedia;
  readonly isMe: boolean;
  readonly mirrored: boolean;
  readonly speaking: boolean;
  readonly pinned: boolean;
  /** CSS pixels; without it the tile fills its place. */
  readonly size?: { readonly width: number; readonly height: number };
  readonly onPin: () => void;
}

/** One person: their picture or initials, and in words whatever else there is to know. */
export function Tile({ person, media, isMe, mirrored, speaking, pinned, size, onPin }: TileProps) {
  const { t } = useTranslation();
  const name = isMe ? t("stage.you", { name: person.name }) : person.name;
  return (
    <figure
      className="tile"
      aria-label={name}
      data-speaking={speaking}
      data-away={!person.online}
      style={size ? { inlineSize: size.width, blockSize: size.height } : undefined}
    >
      {media.camera ? (
        <TrackVideo track={media.camera} mirrored={mirrored} />
      ) : (
        <Avatar id={person.id} name={person.name} />
      )}
      <IconButton
        icon={pinned ? PinOff : Pin}
        className="tile-pin"
        label={t(pinned ? "stage.unpin" : "stage.pin", { name: person.name })}
        aria-pressed={pinned}
        onClick={onPin}
      />
      {person.handRaisedAt !== null && (
        <span className="tile-hand">
          <Hand className="icon icon-small" aria-hidden="true" />
          <span className="visually-hidden">{t("stage.handRaised")}</span>
        </span>
      )}
      <figcaption className="tile-caption">
        {media.microphone !== "live" && (
          <>
            <MicOff className="icon icon-small tile-muted" aria-hidden="true" />
            <span className="visually-hidden">{t("stage.muted")}</span>
          </>
        )}
        {speaking && (
          <>
            <Volume2 className="icon icon-small tile-speaking" aria-hidden="true" />
            <span className="visually-hidden">{t("stage.speaking")}</span>
          </>
        )}
        <span className="tile-name" dir="auto">
          {name}
        </span>
        <TileTrouble person={person} media={media} />
      </figcaption>
    </figure>
  );
}

/** Bad news about this person's connection, on their own tile. */
function TileTrouble({ person, media }: Pick<TileProps, "person" | "media">) {
  const { t } = useTranslation();
  const away = !person.online || media.quality === "lost";
  if (!away && media.quality !== "poor") return null;
  const Icon = away ? WifiOff : WifiLow;
  return (
    <span className="tile-trouble">
      <Icon className="icon icon-small" aria-hidden="true" />
      <span>{t(away ? "stage.away" : "stage.weak")}</span>
    </span>
  );
}
