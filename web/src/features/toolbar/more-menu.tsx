import { Menu, MenuButton, MenuItem, MenuItems } from "@headlessui/react";
import { Ellipsis, Hand, Keyboard, Settings, UserPlus, Users, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import { PHONE, useMediaQuery } from "../../kit/use-media-query";
import { useMe, useRoomState, useVisit } from "../visit/context";

interface Item {
  readonly icon: LucideIcon;
  readonly label: string;
  readonly run: () => void;
}

/** What is needed now and then; on a phone also what has no room in the bar. */
export function MoreMenu() {
  const { t } = useTranslation();
  const { ui, actions } = useVisit();
  const phone = useMediaQuery(PHONE);
  const room = useRoomState();
  const handUp = useMe()?.handRaisedAt != null;
  const items: Item[] = [];
  if (phone) {
    items.push({ icon: Users, label: t("toolbar.people"), run: actions.people.run });
    if (room?.features.raiseHand) {
      const label = t(handUp ? "toolbar.lowerHand" : "toolbar.raiseHand");
      items.push({ icon: Hand, label, run: actions.hand.run });
    }
  }
  if (room?.inviteCode) {
    items.push({ icon: UserPlus, label: t("header.invite"), run: () => ui.showDialog("invite") });
  }
  items.push({ icon: Settings, label: t("toolbar.settings"), run: actions.settings.run });
  if (!phone) {
    items.push({ icon: Keyboard, label: t("toolbar.shortcuts"), run: actions.help.run });
  }
  return (
    <Menu>
      <MenuButton className="tool" aria-label={t("toolbar.more")} title={t("toolbar.more")}>
        <span className="tool-picture">
          <Ellipsis className="icon" aria-hidden="true" />
        </span>
        <span className="tool-caption" aria-hidden="true">
          {t("toolbar.more")}
        </span>
      </MenuButton>
      <MenuItems className="menu" anchor={{ to: "top", gap: 10, padding: 12 }}>
        {items.map(({ icon: Icon, label, run }) => (
          <MenuItem key={label}>
            <button type="button" className="menu-item" onClick={run}>
              <Icon className="icon" aria-hidden="true" />
              <span className="menu-item-label">{label}</span>
            </button>
          </MenuItem>
        ))}
      </MenuItems>
    </Menu>
  );
}
