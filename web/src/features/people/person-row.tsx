import {
  AudioLines,
  EyeOff,
  Hand,
  Mic,
  MicOff,
  MonitorUp,
  Spotlight,
  Video,
  VideoOff,
  TriangleAlert,
  WifiOff,
} from "lucide-react";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { alike } from "../../kit/alike";
import { Avatar } from "../../kit/avatar";
import { useSelected } from "../../kit/use-store";
import { isSilent, isWeak, type PersonMedia } from "../../session/media";
import { together } from "../../session/together";
import type { Person, RoomState } from "../../wire/types";
import { useSession } from "../visit/context";
import { PersonMenu } from "./person-menu";

interface PersonRowProps {
  readonly person: Person;
  readonly me: Person;
  readonly room: RoomState;
  readonly media: PersonMedia;
  readonly speaking: boolean;
  readonly pinned: boolean;
  readonly volume: number;
  /** 1 for the first in the queue, 0 for nobody in it. */
  readonly handPosition: number;
  /** 1 for the first of the list, of which not every row may be drawn. */
  readonly position: number;
  readonly total: number;
}

const MICROPHONE = {
  unknown: null,
  none: "people.noMicrophone",
  muted: "people.muted",
  live: "people.unmuted",
} as const;

export const PersonRow = memo(function PersonRow(props: PersonRowProps) {
  const { person, me, room, media, speaking, handPosition } = props;
  const { t } = useTranslation();
  const isMe = person.id === me.id;
  const isElsewhere =
    useSelected(together(useSession()).away, (away) => away.has(person.id)) && me.isAdmin;
  const away = !person.online || media.quality === "lost";
  const weak = !away && isWeak(media);
  const still = !away && media.camera !== null && media.missing.camera;
  const microphone = speaking ? "stage.speaking" : MICROPHONE[media.microphone];
  const facts = [
    person.name,
    isMe && t("people.you"),
    handPosition > 0 && t("people.handRaised"),
    person.waiting && t("people.waiting"),
    away && t("people.away"),
    isElsewhere && t("people.elsewhere"),
    weak && t("stage.weak"),
    person.isAdmin && t("people.host"),
    person.isPresenter && t("people.presenter"),
    room.spotlight.includes(person.id) && t("people.spotlight"),
    microphone && t(microphone),
    media.camera && t(still ? "stage.noPicture" : "people.camera"),
    media.screen && t("people.sharing"),
  ];
  const role = person.isAdmin
    ? t("people.host")
    : person.isPresenter
      ? t("people.presenter")
      : null;
  return (
    <li
      className="person"
      data-away={away}
      aria-posinset={props.position}
      aria-setsize={props.total}
    >
      <span className="visually-hidden">{facts.filter(Boolean).join(", ")}</span>
      <Avatar id={person.id} name={person.name} />
      <div className="person-words" aria-hidden="true">
        <span className="person-name">
          <span dir="auto">{person.name}</span>
          {isMe && <span className="muted"> ({t("people.you")})</span>}
        </span>
        {(role ?? person.waiting) && (
          <span className="person-role">{person.waiting ? t("people.waiting") : role}</span>
        )}
      </div>
      <div className="person-signs" aria-hidden="true">
        {handPosition > 0 && (
          <span
            className="chip chip-attention tabular"
            title={t("people.handPosition", { position: handPosition })}
          >
            <Hand className="icon icon-small" />
            {handPosition}
          </span>
        )}
        {isElsewhere && <EyeOff className="icon icon-small person-muted" />}
        {away && <WifiOff className="icon icon-small person-bad" />}
        {weak && <TriangleAlert className="icon icon-small person-weak" />}
        {room.spotlight.includes(person.id) && <Spotlight className="icon icon-small" />}
        {media.screen && <MonitorUp className="icon icon-small" />}
        {still && <VideoOff className="icon icon-small person-weak" />}
        {media.camera && !still && <Video className="icon icon-small" />}
        {isSilent(media) && <MicOff className="icon icon-small person-muted" />}
        {media.microphone === "live" &&
          (speaking ? (
            <AudioLines className="icon icon-small person-speaking" />
          ) : (
            <Mic className="icon icon-small" />
          ))}
      </div>
      <PersonMenu
        person={person}
        me={me}
        room={room}
        media={media}
        pinned={props.pinned}
        volume={props.volume}
      />
    </li>
  );
}, alike);
