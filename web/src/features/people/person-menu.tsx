import { Menu, MenuButton, MenuItem, MenuItems } from "@headlessui/react";
import { EllipsisVertical, Hand, MessageSquare, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import { mayWriteTo } from "../../session/rights";
import type { Person, RoomState } from "../../wire/types";
import { useVisit } from "../visit/context";

interface PersonMenuProps {
  readonly person: Person;
  readonly me: Person;
  readonly room: RoomState;
}

interface Item {
  readonly icon: LucideIcon;
  readonly label: string;
  readonly run: () => void;
}

/** What can be done with somebody; nothing to do means no menu, but its place stays. */
export function PersonMenu({ person, me, room }: PersonMenuProps) {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const items: Item[] = [];
  if (person.id !== me.id && !person.waiting && mayWriteTo(me, person, room).ok) {
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
  if (person.handRaisedAt !== null && me.isAdmin && person.id !== me.id) {
    items.push({
      icon: Hand,
      label: t("people.lowerHand"),
      run: () => session.lowerHandOf(person.id),
    });
  }
  if (items.length === 0) return <span className="person-menu" />;
  const label = t("people.actions", { name: person.name });
  return (
    <Menu>
      <MenuButton className="icon-button person-menu" aria-label={label} title={label}>
        <EllipsisVertical className="icon" aria-hidden="true" />
      </MenuButton>
      <MenuItems className="menu" anchor={{ to: "bottom end", gap: 4, padding: 12 }}>
        {items.map(({ icon: Icon, label: text, run }) => (
          <MenuItem key={text}>
            <button type="button" className="menu-item" onClick={run}>
              <Icon className="icon" aria-hidden="true" />
              <span className="menu-item-label">{text}</span>
            </button>
          </MenuItem>
        ))}
      </MenuItems>
    </Menu>
  );
}
