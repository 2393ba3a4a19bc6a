import { Popover, PopoverButton, PopoverPanel } from "@headlessui/react";
import { EllipsisVertical, MessageSquare, Pin, PinOff, Volume1 } from "lucide-react";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { Switch } from "../../kit/switch";
import { useCanSetVolume } from "../../kit/volume";
import { mayWriteTo } from "../../session/rights";
import type { Person, RoomState } from "../../wire/types";
import type { PersonMedia } from "../../session/media";
import { usePersonActions, type PersonAction } from "../host";
import { useVisit } from "../visit/context";

interface PersonMenuProps {
  readonly person: Person;
  readonly me: Person;
  readonly room: RoomState;
  readonly media: PersonMedia;
  readonly pinned: boolean;
  /** 0 to 1. */
  readonly volume: number;
}

/** What can be done with somebody; nothing to do means no button, but its place stays. */
export function PersonMenu({ person, me, room, media, pinned, volume }: PersonMenuProps) {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const isMe = person.id === me.id;
  const hosted = usePersonActions(person, me, room, media);
  const items: PersonAction[] = [];
  if (!person.waiting) {
    items.push({
      icon: pinned ? PinOff : Pin,
      label: t(pinned ? "stage.unpin" : "stage.pin", { name: person.name }),
      run: () => ui.togglePin(person.id),
    });
  }
  if (!isMe && !person.waiting && mayWriteTo(me, person, room).ok) {
    items.push({
      icon: MessageSquare,
      label: t("people.message"),
      run() {
        session.chat.begin(person.id, person.name);
        session.chat.show(person.id);
        ui.showPanel("chat");
      },
    });
  }
  if (items.length + hosted.length === 0) return <span className="person-menu" />;
  const label = t("people.actions", { name: person.name });
  return (
    <Popover className="person-menu">
      <PopoverButton className="icon-button" aria-label={label} title={label}>
        <EllipsisVertical className="icon" aria-hidden="true" />
      </PopoverButton>
      <PopoverPanel
        focus
        className="menu"
        anchor={{ to: "bottom end", gap: 4, padding: 12 }}
        aria-label={label}
      >
        {({ close }) => (
          <>
            {!isMe && !person.waiting && (
              <Volume
                name={person.name}
                value={volume}
                onChange={(next) => ui.setVolume(person.id, next)}
              />
            )}
            <Actions actions={items} close={close} />
            {items.length > 0 && hosted.length > 0 && <hr className="menu-line" />}
            <Actions actions={hosted} close={close} />
          </>
        )}
      </PopoverPanel>
    </Popover>
  );
}

interface ActionsProps {
  readonly actions: readonly PersonAction[];
  readonly close: () => void;
}

function Actions({ actions, close }: ActionsProps) {
  return actions.map(({ icon: Icon, label, run }) => (
    <button
      key={label}
      type="button"
      className="menu-item"
      onClick={() => {
        close();
        run();
      }}
    >
      <Icon className="icon" aria-hidden="true" />
      <span className="menu-item-label">{label}</span>
    </button>
  ));
}

interface VolumeProps {
  readonly name: string;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

/** How loud this person is, for these ears only. */
function Volume({ name, value, onChange }: VolumeProps) {
  const { t } = useTranslation();
  const id = useId();
  const levels = useCanSetVolume();
  const percent = Math.round(value * 100);
  if (!levels) {
    const label = t("view.hear", { name });
    return (
      <div className="person-volume">
        <Volume1 className="icon" aria-hidden="true" />
        <span className="menu-item-label" aria-hidden="true">
          {label}
        </span>
        <Switch label={label} on={value > 0} onChange={(on) => onChange(on ? 1 : 0)} />
      </div>
    );
  }
  return (
    <div className="person-volume">
      <label htmlFor={id}>
        <Volume1 className="icon" aria-hidden="true" />
        <span className="visually-hidden">{t("view.volumeOf", { name })}</span>
      </label>
      <input
        id={id}
        className="range"
        type="range"
        min="0"
        max="100"
        step="5"
        value={percent}
        title={t("view.volume")}
        onChange={(event) => onChange(Number(event.target.value) / 100)}
      />
      <span className="tabular muted">{t("view.percent", { value: percent })}</span>
    </div>
  );
}
