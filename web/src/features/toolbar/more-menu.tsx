import { Menu, MenuButton, MenuItems } from "@headlessui/react";
import { Ellipsis, Hand, Keyboard, Moon, Settings, Sun, UserPlus, Users } from "lucide-react";
import { useTranslation } from "react-i18next";
import { MenuAction, MenuLine } from "../../kit/menu";
import { PHONE, useMediaQuery } from "../../kit/use-media-query";
import { mayReact } from "../../session/rights";
import { useSelected } from "../../kit/use-store";
import { countWaiting } from "../../session/people";
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
  const { ui, actions, session } = useVisit();
  const phone = useMediaQuery(PHONE);
  const room = useRoomState();
  const me = useMe();
  const waiting = useSelected(session.people, countWaiting);
  // On a phone it holds what hosts have a button of their own for elsewhere.
  const calling = phone && me?.isAdmin === true && waiting > 0;
  const handUp = me?.handRaisedAt != null;
  // What has a button of its own in a wide bar says here that it wants something.
  const news = useActivityNews();
  const count = (phone ? news.count : 0) + (calling ? waiting : 0);
  const label = [
    t("toolbar.more"),
    phone && news.count > 0 && news.words,
    calling && t("waiting.count", { count: waiting }),
  ]
    .filter(Boolean)
    .join(", ");
  return (
    <Menu>
      <MenuButton className="tool" aria-label={label} title={label}>
        <ToolPicture
          icon={Ellipsis}
          caption={t("toolbar.more")}
          badge={
            count > 0 && <span className="tool-badge tabular" data-count={Math.min(count, 99)} />
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
