import { Menu, MenuButton, MenuItems } from "@headlessui/react";
import { EllipsisVertical, Move } from "lucide-react";
import type { KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../kit/icon-button";
import { MenuRadio } from "../../kit/menu";
import { CORNERS } from "../../session/prefs";
import { usePrefs } from "../settings/prefs-context";
import { cornerTowards } from "./layout";
import { useSelfView } from "./use-scene";

/** What can be done with my own picture: where it is, and in which corner. */
export function SelfTools({ floating }: { readonly floating: boolean }) {
  const { t } = useTranslation();
  return (
    <>
      {floating && <MoveButton />}
      <Menu>
        <MenuButton
          className="icon-button on-picture"
          aria-label={t("view.mine")}
          title={t("view.mine")}
        >
          <EllipsisVertical className="icon" aria-hidden="true" />
        </MenuButton>
        <MenuItems
          modal={false}
          className="menu"
          anchor={{ to: "bottom end", gap: 4, padding: 12 }}
        >
          <SelfViewChoices />
        </MenuItems>
      </Menu>
    </>
  );
}

export function SelfViewChoices() {
  const { t } = useTranslation();
  const { inUse, choose } = useSelfView();
  return (["among", "corner", "hidden"] as const).map((value) => (
    <MenuRadio
      key={value}
      label={t(`view.self.${value}`)}
      checked={value === inUse}
      onChoose={() => choose(value)}
    />
  ));
}

/** Dragging for those who press: a press goes on to the next corner, an arrow to the one over there. */
function MoveButton() {
  const { t } = useTranslation();
  const [{ selfCorner }, change] = usePrefs();
  const onKeyDown = (event: KeyboardEvent) => {
    const rtl = document.documentElement.dir === "rtl";
    const towards = (
      {
        ArrowUp: "up",
        ArrowDown: "down",
        ArrowLeft: rtl ? "end" : "start",
        ArrowRight: rtl ? "start" : "end",
      } as const
    )[event.key];
    if (towards === undefined) return;
    event.preventDefault();
    change({ selfCorner: cornerTowards(selfCorner, towards) });
  };
  return (
    <IconButton
      icon={Move}
      className="on-picture"
      label={t("view.move")}
      onKeyDown={onKeyDown}
      onClick={() => {
        const next = CORNERS[(CORNERS.indexOf(selfCorner) + 1) % CORNERS.length];
        if (next) change({ selfCorner: next });
      }}
    />
  );
}
