import { Menu, MenuButton, MenuItems } from "@headlessui/react";
import { Ellipsis, Hand, Keyboard, Moon, Settings, Sun, UserPlus, Users } from "lucide-react";
import { useTranslation } from "react-i18next";
import { MenuAction, MenuLine } from "../../kit/menu";
import { PHONE, useMediaQuery } from "../../kit/use-media-query";
import { mayReact } from "../../session/rights";
import { HostItems } from "../host";
import { ActivityItems, useActivityNews } from "./activity-items";
import { ReactionMenuItems } from "../reactions";
import { usePrefs } from "../settings/prefs-context";
import { useMe, useRoomState, useVisit } from "../visit/context";
import { ToolPicture } from "./tool-button";
import { ViewChoices } from "./view-menu";

/** What is needed now and then; on a phone also what has no room in the bar. */
export function MoreMenu() {
  const { t } = useTranslation();
  const { ui, actions } = useVisit();
  const phone = useMediaQuery(PHONE);
  const room = useRoomState();
  const me = useMe();
  const handUp = me?.handRaisedAt != null;
  // What has a button of its own in a wide bar says here that it wants something.
  const news = useActivityNews();
  const waiting = phone ? news.count : 0;
  const label = waiting > 0 ? `${t("toolbar.more")}, ${news.words}` : t("toolbar.more");
  return (
    <Menu>
      <MenuButton className="tool" aria-label={label} title={label}>
        <ToolPicture
          icon={Ellipsis}
          caption={t("toolbar.more")}
          badge={
            waiting > 0 && (
              <span className="tool-badge tabular" data-count={Math.min(waiting, 99)} />
            )
          }
        />
      </MenuButton>
      <MenuItems modal={false} className="menu" anchor={{ to: "top", gap: 12, padding: 12 }}>
        {phone && (
          <>
            <MenuAction icon={Users} label={t("toolbar.people")} onClick={actions.people.run} />
            {room?.features.raiseHand && (
              <MenuAction
                icon={Hand}
                label={t(handUp ? "toolbar.lowerHand" : "toolbar.raiseHand")}
                onClick={actions.hand.run}
              />
            )}
            {me && room && mayReact(me, room).ok && <ReactionMenuItems />}
            <MenuLine />
            {me?.isAdmin && (
              <>
                <HostItems />
                <MenuLine />
              </>
            )}
            <ViewChoices />
            <MenuLine />
          </>
        )}
        <ActivityItems />
        {room?.inviteCode && (
          <MenuAction
            icon={UserPlus}
            label={t("header.invite")}
            onClick={() => ui.showDialog("invite")}
          />
        )}
        <ThemeSwitch />
        <MenuAction icon={Settings} label={t("toolbar.settings")} onClick={actions.settings.run} />
        {!phone && (
          <MenuAction icon={Keyboard} label={t("toolbar.shortcuts")} onClick={actions.help.run} />
        )}
      </MenuItems>
    </Menu>
  );
}

/** To the other one of the two, whichever is shown now and for whatever reason. */
function ThemeSwitch() {
  const { t } = useTranslation();
  const [prefs, change] = usePrefs();
  const systemIsDark = useMediaQuery("(prefers-color-scheme: dark)");
  const dark = prefs.theme === "system" ? systemIsDark : prefs.theme === "dark";
  return (
    <MenuAction
      icon={dark ? Sun : Moon}
      label={t(dark ? "view.lightTheme" : "view.darkTheme")}
      onClick={() => change({ theme: dark ? "light" : "dark" })}
    />
  );
}
