import "./header.css";
import { Circle, Radio, UserPlus } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { NoticesButton } from "../notices";
import { useRoomState, useSession, useVisit } from "../visit/context";
import { clockFace } from "./clock";
import { ConnectionState } from "./connection-state";

export function Header() {
  const { t } = useTranslation();
  const { ui } = useVisit();
  const room = useRoomState();
  return (
    <header className="header">
      <img src="/plenum.svg" alt="" width="26" height="26" className="header-logo" />
      <h1 className="header-title" dir="auto" title={room?.title}>
        {room?.title || t("app.name")}
      </h1>
      <Clock />
      {room?.recording && (
        <span className="chip chip-danger">
          <Circle className="icon icon-small recording-dot" aria-hidden="true" />
          {t("header.recording")}
        </span>
      )}
      {room?.broadcasting && (
        <span className="chip chip-danger">
          <Radio className="icon icon-small" aria-hidden="true" />
          {t("header.broadcasting")}
        </span>
      )}
      <span className="header-space" />
      {room?.inviteCode && (
        <button
          type="button"
          className="button button-plain header-invite"
          onClick={() => ui.showDialog("invite")}
          aria-label={t("header.invite")}
        >
          <UserPlus className="icon" aria-hidden="true" />
          <span>{t("header.invite")}</span>
        </button>
      )}
      <NoticesButton />
      <ConnectionState />
    </header>
  );
}

function Clock() {
  const { t } = useTranslation();
  const session = useSession();
  const room = useRoomState();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  if (!room) return null;
  const face = clockFace(
    room.startedAt,
    room.features.durationMinutes,
    now + session.clockOffset(),
  );
  if (!face) return null;
  const label = t(face.kind === "left" ? "header.timeLeft" : "header.clock");
  return (
    <span className="header-clock tabular" role="timer" aria-label={`${label}: ${face.text}`}>
      {face.kind === "left" && <span className="header-clock-label">{label}</span>}
      {face.text}
    </span>
  );
}
