import "./meeting-screen.css";
import { lazy, Suspense, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useSelected, useStore } from "../../kit/use-store";
import { ChatPanel, useChatAnnouncements } from "../chat";
import { Header } from "../header";
import { Notices } from "../notices";
import { PeoplePanel } from "../people";
import { useShortcuts } from "../shortcuts";
import { Stage } from "../stage";
import { Toolbar } from "../toolbar";
import { usePrefs } from "../settings/prefs-context";
import { useVisit } from "./context";
import { SidePanel } from "./side-panel";
import { useRememberRoom } from "./use-remember-room";

const Dialogs = lazy(() => import("./dialogs"));

/** The meeting itself: composition only. */
export default function MeetingScreen() {
  const { t } = useTranslation();
  const { ui, session } = useVisit();
  const main = useRef<HTMLElement>(null);
  const panel = useSelected(ui, (now) => now.panel);
  const line = useStore(session.line);
  const [prefs] = usePrefs();
  useShortcuts();
  useChatAnnouncements();
  useRememberRoom();
  useEffect(() => session.chat.setVisible(panel === "chat"), [session, panel]);
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
        <Stage />
        <Notices />
      </main>
      {panel !== null && (
        <SidePanel panel={panel} width={prefs.panelWidth} onClose={() => ui.showPanel(null)}>
          {panel === "people" ? <PeoplePanel /> : <ChatPanel />}
        </SidePanel>
      )}
      <Toolbar />
      <Suspense>
        <Dialogs />
      </Suspense>
    </div>
  );
}
