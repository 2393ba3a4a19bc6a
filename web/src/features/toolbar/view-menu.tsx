import { Menu, MenuButton, MenuItems } from "@headlessui/react";
import { LayoutGrid, PictureInPicture2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { MenuAction, MenuHeading, MenuLine, MenuRadio } from "../../kit/menu";
import { LAYOUTS } from "../../session/prefs";
import { smallWindow } from "../../session/small-window";
import { usePrefs } from "../settings/prefs-context";
import { SelfViewChoices } from "../stage";
import { ToolPicture } from "./tool-button";

/** How the stage is arranged on this screen. */
export function ViewMenu() {
  const { t } = useTranslation();
  return (
    <Menu>
      <MenuButton className="tool" aria-label={t("view.title")} title={t("view.title")}>
        <ToolPicture icon={LayoutGrid} caption={t("view.title")} />
      </MenuButton>
      <MenuItems modal={false} className="menu" anchor={{ to: "top", gap: 12, padding: 12 }}>
        <ViewChoices />
      </MenuItems>
    </Menu>
  );
}

export function ViewChoices() {
  const { t } = useTranslation();
  const [prefs, change] = usePrefs();
  return (
    <>
      <MenuHeading>{t("view.layout.title")}</MenuHeading>
      {LAYOUTS.map((layout) => (
        <MenuRadio
          key={layout}
          label={t(`view.layout.${layout}`)}
          checked={prefs.layout === layout}
          onChoose={() => change({ layout })}
        />
      ))}
      <MenuLine />
      <MenuHeading>{t("view.mine")}</MenuHeading>
      <SelfViewChoices />
      {smallWindow.offered && (
        <>
          <MenuLine />
          <MenuAction
            icon={PictureInPicture2}
            label={t("view.smallWindow")}
            onClick={() => void smallWindow.open().catch(() => undefined)}
          />
        </>
      )}
    </>
  );
}
