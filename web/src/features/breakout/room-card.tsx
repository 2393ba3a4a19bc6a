import { Clock, LifeBuoy, LogIn, Square, TimerReset } from "lucide-react";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { useNow } from "../../kit/use-now";
import { Select } from "../../kit/field";
import { together } from "../../session/together";
import type { BreakoutPerson, BreakoutRoom } from "../../wire/activities";
import { clockText } from "../header/clock";
import { useSession } from "../visit/context";
import { useFailure } from "./use-failure";

interface RoomCardProps {
  readonly room: BreakoutRoom;
  /** Where people can be moved. */
  readonly rooms: readonly BreakoutRoom[];
  readonly isHost: boolean;
  readonly isMine: boolean;
  readonly onJoin: () => void;
}

const EXTEND_MIN = 5;

export function RoomCard({ room, rooms, isHost, isMine, onJoin }: RoomCardProps) {
  const { t } = useTranslation();
  const session = useSession();
  const { breakouts } = together(session);
  const id = useId();
  const orSay = useFailure();
  const there = room.people.filter(({ joined }) => joined).length;
  return (
    <article
      className="card-flat breakout-room"
      aria-labelledby={id}
      data-help={room.helpAskedAt !== null}
    >
      <div className="breakout-head">
        <h3 id={id} dir="auto">
          {room.title}
        </h3>
        <TimeLeft room={room} />
      </div>
      {isMine && <p className="chip chip-running breakout-mine">{t("breakout.yours")}</p>}
      {room.helpAskedAt !== null && (
        <p className="chip chip-attention breakout-mine">
          <LifeBuoy className="icon icon-small" aria-hidden="true" />
          {t("breakout.asksForHelp")}
        </p>
      )}
      {isHost && room.people.length > 0 && (
        <>
          <p className="muted breakout-count tabular">
            {t("breakout.present", { there, all: room.people.length })}
          </p>
          <ul className="breakout-people">
            {room.people.map((person) => (
              <PersonLine
                key={person.id}
                person={person}
                room={room}
                rooms={rooms}
                onMove={(to) => orSay(breakouts.move(person.id, to))}
              />
            ))}
          </ul>
        </>
      )}
      <div className="activity-tools">
        <button type="button" className="button button-second button-small" onClick={onJoin}>
          <LogIn className="icon icon-small flip" aria-hidden="true" />
          {t("breakout.join")}
        </button>
        {isHost && room.duration > 0 && (
          <button
            type="button"
            className="button button-plain button-small"
            onClick={() => orSay(breakouts.extend(room, EXTEND_MIN))}
          >
            <TimerReset className="icon icon-small" aria-hidden="true" />
            {t("breakout.extend", { count: EXTEND_MIN })}
          </button>
        )}
        {isHost && (
          <button
            type="button"
            className="button button-plain button-small"
            onClick={() => orSay(breakouts.end(room))}
          >
            <Square className="icon icon-small" aria-hidden="true" />
            {t("breakout.end")}
          </button>
        )}
      </div>
    </article>
  );
}

function TimeLeft({ room }: { readonly room: BreakoutRoom }) {
  const { t } = useTranslation();
  const session = useSession();
  const now = useNow() + session.clockOffset();
  if (room.endsAt === null) {
    return room.duration > 0 ? (
      <span className="muted breakout-time tabular">
        {t("breakout.minutes", { count: room.duration })}
      </span>
    ) : null;
  }
  const text = clockText(Math.max(0, Math.round((room.endsAt - now) / 1_000)));
  return (
    <span
      className="muted breakout-time tabular"
      role="timer"
      aria-label={`${t("header.timeLeft")}: ${text}`}
    >
      <Clock className="icon icon-small" aria-hidden="true" />
      {text}
    </span>
  );
}

interface PersonLineProps {
  readonly person: BreakoutPerson;
  readonly room: BreakoutRoom;
  readonly rooms: readonly BreakoutRoom[];
  /** `null` is the main room. */
  readonly onMove: (to: string | null) => void;
}

/** A person of a room; the list beside them is the way to another one. */
function PersonLine({ person, room, rooms, onMove }: PersonLineProps) {
  const { t } = useTranslation();
  return (
    <li className="breakout-person">
      <span className="breakout-dot" data-there={person.joined} aria-hidden="true" />
      <bdi className="breakout-name">{person.name}</bdi>
      <span className="visually-hidden">
        {t(person.joined ? "breakout.isThere" : "breakout.notThere")}
      </span>
      <Select
        className="breakout-move"
        aria-label={t("breakout.moveTo", { name: person.name })}
        value={room.id}
        onChange={(event) => onMove(event.target.value || null)}
      >
        <option value="">{t("breakout.main")}</option>
        {rooms.map(({ id, title }) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </Select>
    </li>
  );
}
