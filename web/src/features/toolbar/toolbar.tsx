import "./toolbar.css";
import { Hand, LogOut, MessageSquare, Users } from "lucide-react";
import { useTranslation } from "react-i18next";
import { PHONE, useMediaQuery } from "../../kit/use-media-query";
import { useSelected } from "../../kit/use-store";
import { totalUnread } from "../../session/chat";
import { countPresent } from "../../session/people";
import { HostMenu } from "../host";
import { ActivityButtons } from "./activity-items";
import { useVisiblePeople } from "../people";
import { ReactionsButton } from "../reactions";
import { useMe, useRoomState, useVisit } from "../visit/context";
import { CameraButton, MicrophoneButton, ShareButton } from "./media-buttons";
import { MoreMenu } from "./more-menu";
import { ToolButton } from "./tool-button";
import { ViewMenu } from "./view-menu";

export function Toolbar() {
  const { t } = useTranslation();
  const { ui } = useVisit();
  const phone = useMediaQuery(PHONE);
  return (
    <section className="toolbar" aria-label={t("toolbar.label")}>
      <div className="tool-group">
        <MicrophoneButton />
        <CameraButton />
        {!phone && <ShareButton />}
        {!phone && <HandButton />}
        {!phone && <ReactionsButton />}
      </div>
      <div className="tool-group">
        {phone ? <ChatButton /> : <ViewMenu />}
        {!phone && <HostMenu />}
        <MoreMenu />
      </div>
      {!phone && (
        <div className="tool-group">
          <ActivityButtons />
          <PeopleButton />
          <ChatButton />
        </div>
      )}
      <div className="tool-group">
        <ToolButton
          icon={LogOut}
          label={t("toolbar.leave")}
          tone="danger"
          onClick={() => ui.showDialog("leave")}
        />
      </div>
    </section>
  );
}

function HandButton() {
  const { t } = useTranslation();
  const { actions } = useVisit();
  const up = useMe()?.handRaisedAt != null;
  const allowed = useRoomState()?.features.raiseHand ?? false;
  if (!allowed) return null;
  return (
    <ToolButton
      icon={Hand}
      label={t(up ? "toolbar.lowerHand" : "toolbar.raiseHand")}
      tone={up ? "active" : "plain"}
      onClick={actions.hand.run}
    />
  );
}

function PeopleButton() {
  const { t } = useTranslation();
  const { actions, ui } = useVisit();
  const count = countPresent(useVisiblePeople());
  const open = useSelected(ui, ({ panel }) => panel === "people");
  return (
    <ToolButton
      icon={Users}
      label={t("toolbar.people")}
      tone={open ? "active" : "plain"}
      expanded={open}
      description={t("toolbar.participants", { count })}
      badge={<span className="tool-count tabular" data-count={count} />}
      onClick={actions.people.run}
    />
  );
}

function ChatButton() {
  const { t } = useTranslation();
  const { actions, session, ui } = useVisit();
  const unread = useSelected(session.chat, totalUnread);
  const open = useSelected(ui, ({ panel }) => panel === "chat");
  const allowed = useRoomState()?.features.chat ?? false;
  if (!allowed) return null;
  return (
    <ToolButton
      icon={MessageSquare}
      label={
        unread === 0
          ? t("toolbar.chat")
          : `${t("toolbar.chat")}, ${t("toolbar.unread", { count: unread })}`
      }
      caption={t("toolbar.chat")}
      tone={open ? "active" : "plain"}
      expanded={open}
      badge={
        unread > 0 && <span className="tool-badge tabular" data-count={Math.min(unread, 99)} />
      }
      onClick={actions.chat.run}
    />
  );
}
