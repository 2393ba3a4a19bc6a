import { Hand, Mic, MicOff, MonitorUp, Video, WifiOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Avatar } from "../../kit/avatar";
import type { PersonMedia } from "../../session/media";
import type { Person, RoomState } from "../../wire/types";
import { PersonMenu } from "./person-menu";

interface PersonRowProps {
  readonly person: Person;
  readonly me: Person;
  readonly room: RoomState;
  readonly media: PersonMedia;
  /** 1 for the first in the queue, 0 for nobody in it. */
  readonly handPosition: number;
}

export function PersonRow({ person, me, room, media, handPosition }: PersonRowProps) {
  const { t } = useTranslation();
  const isMe = person.id === me.id;
  const microphone = { none: "noMicrophone", muted: "muted", live: "unmuted" } as const;
  const facts = [
    person.name,
    isMe && t("people.you"),
    handPosition > 0 && t("people.handRaised"),
    person.waiting && t("people.waiting"),
    !person.online && t("people.away"),
    person.isAdmin && t("people.host"),
    person.isPresenter && t("people.presenter"),
    t(`people.${microphone[media.microphone]}`),
    media.camera && t("people.camera"),
    media.screen && t("people.sharing"),
  ];
  const role = person.isAdmin
    ? t("people.host")
    : person.isPresenter
      ? t("people.presenter")
      : null;
  return (
    <li className="person" aria-label={facts.filter(Boolean).join(", ")} data-away={!person.online}>
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
        {!person.online && <WifiOff className="icon icon-small" />}
        {media.screen && <MonitorUp className="icon icon-small" />}
        {media.camera && <Video className="icon icon-small" />}
        {media.microphone === "live" ? (
          <Mic className="icon icon-small" />
        ) : (
          <MicOff className="icon icon-small person-muted" />
        )}
      </div>
      <PersonMenu person={person} me={me} room={room} />
    </li>
  );
}
