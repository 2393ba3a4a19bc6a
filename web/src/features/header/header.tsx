import "./header.css";
import { Circle, Radio, UserPlus, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useNow } from "../../kit/use-now";
import { ExtendMenu } from "../duration";
import { NoticesButton } from "../notices";
import { useMe, useRoomState, useSession, useVisit } from "../visit/context";
import { clockFace } from "./clock";
import { ConnectionState } from "./connection-state";

export function Header() {
  const { t } = useTranslation();
  const { ui } = useVisit();
  const room = useRoomState();
  return (
    <header className="header">
      <div className="header-about">
        <img src="/plenum.svg" alt="" width="28" height="28" className="header-logo" />
        <h1 className="header-title" dir="auto" title={room?.title}>
          {room?.title || t("app.name")}
        </h1>
        <Clock />
      </div>
      <div className="header-state">
        {room?.recording && <Badge icon={Circle} word={t("header.recording")} />}
        {room?.broadcasting && <Badge icon={Radio} word={t("header.broadcasting")} />}
        {room?.inviteCode && (
          <button
            type="button"
            className="button button-plain button-small header-invite"
            onClick={() => ui.showDialog("invite")}
            aria-label={t("header.invite")}
            title={t("header.invite")}
          >
            <UserPlus className="icon" aria-hidden="true" />
            <span>{t("header.invite")}</span>
          </button>
        )}
        <NoticesButton />
        <ConnectionState />
      </div>
    </header>
  );
}

/** What everybody must know is going on. Where there is little room the picture stays. */
function Badge({ icon: Icon, word }: { readonly icon: LucideIcon; readonly word: string }) {
  return (
    <span className="chip chip-danger" title={word}>
      <Icon className="icon icon-small recording-dot" aria-hidden="true" />
      <span className="chip-word">{word}</span>
    </span>
  );
}

function Clock() {
  const { t } = useTranslation();
  const session = useSession();
  const room = useRoomState();
  const isHost = useMe()?.isAdmin ?? false;
  const now = useNow();
  if (!room) return null;
  const face = clockFace(
    room.startedAt,
    room.features.durationMinutes,
    now + session.clockOffset(),
  );
  if (!face) return null;
  const label = t(face.kind === "left" ? "header.timeLeft" : "header.clock");
  const clock = (
    <span className="header-clock tabular" role="timer" aria-label={`${label}: ${face.text}`}>
      {face.kind === "left" && <span className="header-clock-label">{label}</span>}
      {face.text}
    </span>
  );
  const mayExtend = isHost && room.features.durationMinutes > 0 && !room.activities.breakout.parent;
  return mayExtend ? <ExtendMenu>{clock}</ExtendMenu> : clock;
}
