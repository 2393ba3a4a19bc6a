import { Menu, MenuButton, MenuItems } from "@headlessui/react";
import {
  Ban,
  DoorOpen,
  Globe,
  Hand,
  LockKeyhole,
  MicOff,
  ShieldUser,
  Siren,
  Spotlight,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import { MenuAction, MenuHeading, MenuLine } from "../../kit/menu";
import { useSelected, useStore } from "../../kit/use-store";
import { ALL } from "../../session/moderation";
import { countWaiting, handQueue } from "../../session/people";
import { ToolPicture } from "../toolbar/tool-button";
import { useMe, useRoomState, useVisit } from "../visit/context";
import { useModeration } from "./use-moderation";

/** Everything hosts do to the room as a whole. */
export function HostMenu() {
  const { t } = useTranslation();
  const { session } = useVisit();
  const waiting = useSelected(session.people, countWaiting);
  const isHost = useMe()?.isAdmin ?? false;
  if (!isHost) return null;
  const label = t("host.title");
  const told = waiting === 0 ? label : `${label}, ${t("waiting.count", { count: waiting })}`;
  return (
    <Menu>
      <MenuButton className="tool" aria-label={told} title={told}>
        <ToolPicture
          icon={ShieldUser}
          caption={label}
          badge={
            waiting > 0 && (
              <span className="tool-badge tabular" data-count={Math.min(waiting, 99)} />
            )
          }
        />
      </MenuButton>
      <MenuItems modal={false} className="menu" anchor={{ to: "top", gap: 12, padding: 12 }}>
        <HostItems />
      </MenuItems>
    </Menu>
  );
}

export function HostItems() {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const people = useStore(session.people);
  const room = useRoomState();
  const host = useModeration();
  const waiting = countWaiting(people);
  const hands = handQueue(people);
  if (!room) return null;
  return (
    <>
      <MenuHeading>{t("host.title")}</MenuHeading>
      <MenuAction
        icon={DoorOpen}
        label={waiting === 0 ? t("waiting.title") : t("waiting.titleCount", { number: waiting })}
        onClick={() => ui.showPanel("waiting")}
      />
      <MenuAction
        icon={LockKeyhole}
        label={t("host.locks")}
        onClick={() => ui.showDialog("locks")}
      />
      <MenuAction
        icon={MicOff}
        label={t("host.muteAllMore")}
        onClick={() => ui.showDialog("mute-all")}
      />
      {room.spotlight.length > 0 && (
        <MenuAction
          icon={Spotlight}
          label={t("host.spotlightOff")}
          onClick={() => void host.spotlight([])}
        />
      )}
      {hands.length > 0 && (
        <MenuAction
          icon={Hand}
          label={t("host.lowerAll", { number: hands.length })}
          onClick={() => host.lowerHand(ALL)}
        />
      )}
      {room.features.externalLinks && (
        <MenuAction
          icon={Globe}
          label={t(room.externalLink ? "host.hideLink" : "host.showLink")}
          onClick={() =>
            room.externalLink ? void host.hideLink() : ui.showDialog("external-link")
          }
        />
      )}
      <MenuAction icon={Ban} label={t("host.blocked")} onClick={() => ui.showDialog("blocked")} />
      <MenuLine />
      <MenuAction
        icon={Siren}
        label={t(room.restingSince === null ? "host.rest" : "rest.undo")}
        onClick={() => void host.rest(room.restingSince === null)}
      />
    </>
  );
}
