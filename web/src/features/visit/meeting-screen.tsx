import "./meeting-screen.css";
import { lazy, Suspense, useCallback, useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { useArrival } from "../../kit/use-arrival";
import { useSelected, useStore } from "../../kit/use-store";
import { BreakoutBanner } from "../breakout";
import { ChatPanel, useChatAnnouncements, useChatVisible, useKeptChat } from "../chat";
import { Header } from "../header";
import type { Panel } from "../../session/prefs";
import { smallWindow } from "../../session/small-window";
import { RestBanner, WaitingCount, WaitingPanel } from "../host";
import { Notices, useAlerts, useKeptNotices } from "../notices";
import { PeopleCount, PeoplePanel } from "../people";
import { useShortcuts } from "../shortcuts";
import { Stage } from "../stage";
import { Toolbar } from "../toolbar";
import { usePrefs } from "../settings/prefs-context";
import { useActivities } from "./use-activities";
import { useVisit } from "./context";
import { MediaBanner } from "./media-banner";
import { SidePanel } from "./side-panel";
import { useKeptVolumes } from "./use-kept-volumes";
import { useKeepAsLeft } from "./use-keep-as-left";
import { useRememberRoom } from "./use-remember-room";
import { useStuckDevices } from "./use-stuck-devices";
import { useSwitchAnnouncements } from "./use-switch-announcements";
import { useVideoLimit } from "./use-video-limit";
import { useWakeLock } from "./use-wake-lock";

const PollsPanel = lazy(async () => ({ default: (await import("../polls")).PollsPanel }));
const BreakoutPanel = lazy(async () => ({
  default: (await import("../breakout/breakout-panel")).BreakoutPanel,
}));

/** What stands in each panel, and beside its title. */
const PANELS: Readonly<Record<Panel, ReactNode>> = {
  people: <PeoplePanel />,
  chat: <ChatPanel />,
  waiting: <WaitingPanel />,
  polls: (
    <Suspense>
      <PollsPanel />
    </Suspense>
  ),
  breakout: (
    <Suspense>
      <BreakoutPanel />
    </Suspense>
  ),
};
const COUNTS: Readonly<Partial<Record<Panel, ReactNode>>> = {
  people: <PeopleCount />,
  waiting: <WaitingCount />,
};

const SmallWindow = lazy(() => import("../small-window"));

/** In the window over other programs, while there is one. */
function SmallWindowPlace() {
  const target = useStore(smallWindow);
  useEffect(() => smallWindow.close, []);
  if (!target) return null;
  return (
    <Suspense>
      <SmallWindow target={target} />
    </Suspense>
  );
}

const Dialogs = lazy(() => import("./dialogs"));

/** The meeting itself: composition only. */
export default function MeetingScreen() {
  const { t } = useTranslation();
  const { ui, session } = useVisit();
  const main = useArrival<HTMLElement>();
  const panel = useSelected(ui, (now) => now.panel);
  const line = useStore(session.line);
  const [prefs] = usePrefs();
  // Before anybody listens for what is new: what comes back is not.
  useKeptChat();
  useShortcuts();
  useChatAnnouncements();
  useRememberRoom();
  useActivities();
  useAlerts();
  useVideoLimit();
  useWakeLock();
  useKeptNotices();
  useKeptVolumes();
  useStuckDevices();
  useSwitchAnnouncements();
  useKeepAsLeft();
  useEffect(() => {
    const talking = session.media.microphone.getSnapshot().on;
    announce(t(talking ? "stage.inUnmuted" : "stage.inMuted"));
    // Said once, on the way in; afterwards the switches speak for themselves.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  const closePanel = useCallback(() => ui.showPanel(null), [ui]);
  useChatVisible(panel === "chat");
  return (
    <div className="meeting" data-line={line} data-panel={panel ?? "none"}>
      <a
        className="skip-link"
        href="#main-area"
        onClick={(event) => {
          // The address belongs to the meeting; only the focus moves.
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {t("app.skip")}
      </a>
      <Header />
      <main ref={main} className="meeting-main" id="main-area" tabIndex={-1}>
        <BreakoutBanner />
        <RestBanner />
        <MediaBanner />
        <Stage />
        <Notices />
      </main>
      {panel !== null && (
        // Closing has a button and a key of its own; this is for the thumb.
        <div className="sheet-scrim" aria-hidden="true" onPointerDown={closePanel} />
      )}
      {panel !== null && (
        <SidePanel
          panel={panel}
          width={prefs.panelWidth}
          count={COUNTS[panel]}
          onClose={closePanel}
        >
          {PANELS[panel]}
        </SidePanel>
      )}
      <Toolbar />
      <SmallWindowPlace />
      <Suspense>
        <Dialogs />
      </Suspense>
    </div>
  );
}
