import {
  Hand,
  Maximize,
  MicOff,
  Minimize,
  Pin,
  PinOff,
  Spotlight,
  Volume2,
  TriangleAlert,
  VideoOff,
  WifiOff,
} from "lucide-react";
import { memo, useState, type PointerEvent } from "react";
import { useTranslation } from "react-i18next";
import { alike } from "../../kit/alike";
import { Avatar, colourOf } from "../../kit/avatar";
import { IconButton } from "../../kit/icon-button";
import { isSilent, isWeak, type PersonMedia } from "../../session/media";
import type { ParticipantId, Person } from "../../wire/types";
import { FullBar } from "./full-bar";
import { fitOf, type Rect } from "./layout";
import { SelfTools } from "./self-tools";
import { TrackVideo } from "./track-video";
import { useCornerDrag } from "./use-corner-drag";
import { useFullscreen } from "./use-fullscreen";

interface TileProps {
  readonly person: Person;
  readonly media: PersonMedia;
  readonly isMe: boolean;
  readonly mirrored: boolean;
  readonly speaking: boolean;
  readonly pinned: boolean;
  /** In the spotlight: large for everybody. */
  readonly lit: boolean;
  readonly floating: boolean;
  readonly rect: Rect;
  readonly onPin: (who: ParticipantId) => void;
}

/**
 * One person: their picture or initials, and in words whatever else there is to know. Drawn anew only when something of
 * that has changed: places are reckoned anew with every change of anybody.
 */
export const Tile = memo(function Tile(props: TileProps) {
  const { person, media, isMe, mirrored, speaking, pinned, lit, floating, rect, onPin } = props;
  const { t } = useTranslation();
  const [shape, setShape] = useState(rect.width / rect.height);
  // Where nothing can hover, a tap shows what can be done and another one hides it.
  const [touched, setTouched] = useState(false);
  const drag = useCornerDrag(floating ? rect : null);
  const { filled, toggle } = useFullscreen();
  const name = isMe ? t("stage.you", { name: person.name }) : person.name;
  const onTap = (event: PointerEvent) => {
    if (event.pointerType !== "touch" || drag.moved()) return;
    if (!(event.target as Element).closest("button")) setTouched(!touched);
  };
  return (
    <figure
      className={`tile colour-${colourOf(person.id)}`}
      aria-label={name}
      data-speaking={speaking}
      data-away={!person.online}
      data-touched={touched}
      data-floating={floating}
      data-dragged={drag.offset !== null}
      data-filled={filled}
      style={{
        insetInlineStart: rect.x,
        insetBlockStart: rect.y,
        inlineSize: rect.width,
        blockSize: rect.height,
        ...(drag.offset && { translate: `${drag.offset.x}px ${drag.offset.y}px` }),
      }}
      {...drag.handlers}
      onPointerUp={(event) => {
        onTap(event);
        drag.handlers?.onPointerUp(event);
      }}
    >
      <Avatar id={person.id} name={person.name} />
      {media.camera && (
        <TrackVideo
          key={media.camera.id}
          track={media.camera}
          mirrored={mirrored}
          fit={filled ? "contain" : fitOf(shape, rect)}
          onShape={setShape}
        />
      )}
      <div className="tile-tools">
        {isMe && <SelfTools floating={floating} />}
        {!floating && (
          <IconButton
            icon={pinned ? PinOff : Pin}
            className="on-picture"
            label={t(pinned ? "stage.unpin" : "stage.pin", { name: person.name })}
            aria-pressed={pinned}
            onClick={() => onPin(person.id)}
          />
        )}
        {/* Where the tile fills the window this is the only way back, so it outlives the camera. */}
        {!isMe && (media.camera || filled) && (
          <IconButton
            icon={filled ? Minimize : Maximize}
            className="on-picture"
            label={
              filled ? t("stage.exitFullscreen") : t("stage.fullscreenOf", { name: person.name })
            }
            onClick={toggle}
          />
        )}
      </div>
      {filled && <FullBar />}
      {person.handRaisedAt !== null && (
        <span className="tile-hand">
          <Hand className="icon icon-small" aria-hidden="true" />
          <span className="visually-hidden">{t("stage.handRaised")}</span>
        </span>
      )}
      <figcaption className="tile-caption">
        {isSilent(media) && (
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
        {lit && (
          <>
            <Spotlight className="icon icon-small" aria-hidden="true" />
            <span className="visually-hidden">{t("people.spotlight")}</span>
          </>
        )}
        <span className="tile-name" dir="auto">
          {name}
        </span>
        <TileTrouble person={person} media={media} />
      </figcaption>
    </figure>
  );
}, alike);

/** Bad news about this person's connection, on their own tile. */
function TileTrouble({ person, media }: Pick<TileProps, "person" | "media">) {
  const { t } = useTranslation();
  const trouble = troubleOf(person, media);
  if (trouble === null) return null;
  const Icon = ICONS[trouble];
  return (
    <span className="tile-trouble">
      <Icon className="icon icon-small" aria-hidden="true" />
      <span>{t(`stage.${trouble}`)}</span>
    </span>
  );
}

const ICONS = { away: WifiOff, noPicture: VideoOff, weak: TriangleAlert } as const;

/** The worst of it: one thing at a time. */
function troubleOf(person: Person, media: PersonMedia): keyof typeof ICONS | null {
  if (!person.online || media.quality === "lost") return "away";
  if (media.camera !== null && media.missing.camera) return "noPicture";
  return isWeak(media) ? "weak" : null;
}
