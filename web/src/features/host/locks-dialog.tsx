import "./host.css";
import {
  FileUp,
  MessageSquare,
  MessageSquareLock,
  Mic,
  NotebookPen,
  PenLine,
  Presentation,
  ScreenShare,
  SmilePlus,
  Video,
  type LucideIcon,
} from "lucide-react";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { Modal } from "../../kit/dialog";
import { Switch } from "../../kit/switch";
import { useSelected, useStore } from "../../kit/use-store";
import { ALL } from "../../session/moderation";
import { lockStanding } from "../../session/rights";
import type { LockName, Person, RoomState } from "../../wire/types";
import { useMe, useRoomState, useVisit } from "../visit/context";
import { exceptions, LOCK_GROUPS, standingWord } from "./locks";
import { useModeration } from "./use-moderation";
import { useWishes } from "./use-wishes";

const ICONS: Readonly<Record<LockName, LucideIcon>> = {
  microphone: Mic,
  webcam: Video,
  screenSharing: ScreenShare,
  chat: MessageSquare,
  chatSend: PenLine,
  chatFile: FileUp,
  privateChat: MessageSquareLock,
  whiteboard: Presentation,
  notepad: NotebookPen,
  reactions: SmilePlus,
};

/** The locks of the room, of one person, or, for whoever is no host, their own to read. */
export function LocksDialog() {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const me = useMe();
  const asked = useSelected(ui, (now) => now.about);
  // The room's are for hosts, also if somebody stops being one with the sheet open.
  const about = asked ?? (me?.isAdmin ? null : (me?.id ?? null));
  const person = useSelected(session.people, (all) => (about === null ? null : all.get(about)));
  const room = useRoomState();
  const close = () => ui.showDialog(null);
  if (!me || !room) return null;
  const mine = person?.id === me.id;
  const title =
    about === null
      ? t("locks.title")
      : t(mine ? "locks.titleMine" : "locks.titleOf", { name: person?.name ?? about });
  return (
    <Modal title={title} closeLabel={t("common.close")} onClose={close} wide>
      {about === null ? (
        <RoomLocks room={room} />
      ) : person ? (
        <PersonLocks person={person} room={room} mayChange={me.isAdmin && !mine} />
      ) : (
        <p className="muted">{t("locks.gone")}</p>
      )}
    </Modal>
  );
}

function RoomLocks({ room }: { readonly room: RoomState }) {
  const { t, i18n } = useTranslation();
  const { session } = useVisit();
  const people = useStore(session.people);
  const { lock: set } = useModeration();
  const now = (lock: LockName) => room.defaultLocks[lock] ?? false;
  const { shown, want } = useWishes<LockName>(now, (lock, on) => set(lock, on, ALL));
  const names = new Intl.ListFormat(i18n.language, { type: "conjunction" });
  const exceptFor = (lock: LockName, locked: boolean): string | null => {
    const others = exceptions(people.values(), room, lock);
    if (others.length === 0) return null;
    const who =
      others.length > 2
        ? t("locks.people", { count: others.length })
        : names.format(others.map(({ name }) => name));
    return t(locked ? "locks.exceptFree" : "locks.exceptLocked", { who });
  };
  return (
    <>
      <p className="muted">{t("locks.lead")}</p>
      <LockList>
        {(lock) => ({
          locked: shown(lock),
          detail: exceptFor(lock, now(lock)) ?? t(`locks.about.${lock}`),
          onChange: (on) => void want(lock, on),
        })}
      </LockList>
    </>
  );
}

interface PersonLocksProps {
  readonly person: Person;
  readonly room: RoomState;
  readonly mayChange: boolean;
}

function PersonLocks({ person, room, mayChange }: PersonLocksProps) {
  const { t } = useTranslation();
  const { lock: set } = useModeration();
  const { shown, want } = useWishes<LockName>(
    (lock) => lockStanding(person, room, lock).locked,
    (lock, on) => set(lock, on, person.id),
  );
  const whose = mayChange ? "theirs" : "mine";
  return (
    <>
      <p className="muted">
        {t(mayChange ? "locks.leadOf" : "locks.leadMine", { name: person.name })}
      </p>
      <LockList>
        {(lock) => {
          const standing = lockStanding(person, room, lock);
          const locked = shown(lock);
          const everybody = room.defaultLocks[lock] ?? false;
          const word = standingWord(
            locked === standing.locked
              ? standing
              : { ...standing, locked, from: locked === everybody ? "room" : "person" },
          );
          return {
            locked,
            own: !standing.exempt && locked !== everybody,
            detail: t(`locks.${whose}.${word}`),
            onChange: mayChange && !standing.exempt ? (on) => void want(lock, on) : undefined,
          };
        }}
      </LockList>
    </>
  );
}

interface LockState {
  readonly locked: boolean;
  /** Differs from what holds for everybody. */
  readonly own?: boolean;
  readonly detail: string;
  /** Without it there is nothing to press. */
  readonly onChange: ((on: boolean) => void) | undefined;
}

function LockList({ children: stateOf }: { readonly children: (lock: LockName) => LockState }) {
  const { t } = useTranslation();
  return (
    <div className="locks">
      {LOCK_GROUPS.map(({ id, locks }) => (
        <section key={id}>
          <h3>{t(`locks.group.${id}`)}</h3>
          <ul>
            {locks.map((lock) => (
              <LockRow key={lock} lock={lock} {...stateOf(lock)} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function LockRow({ lock, locked, own = false, detail, onChange }: LockState & { lock: LockName }) {
  const { t } = useTranslation();
  const id = useId();
  const Icon = ICONS[lock];
  const state = t(locked ? "locks.locked" : "locks.free");
  return (
    <li className="lock-row" data-own={own}>
      <Icon className="icon" aria-hidden="true" />
      <div className="lock-words">
        <span className="lock-name">{t(`locks.name.${lock}`)}</span>
        <span className="lock-detail" id={id}>
          {detail}
        </span>
      </div>
      <span className={locked ? "chip chip-attention" : "chip lock-free"}>{state}</span>
      {onChange && (
        <Switch
          label={t("locks.lock", { what: t(`locks.name.${lock}`) })}
          on={locked}
          describedBy={id}
          onChange={onChange}
        />
      )}
    </li>
  );
}
