import { lazy, Suspense, useContext, useEffect, useRef, useState } from "react";
import { loadTexts, showLanguage } from "../../i18n";
import { PHONE } from "../../kit/use-media-query";
import { useStore } from "../../kit/use-store";
import { deviceLossText, wasInUse } from "../../session/device-loss";
import { createDevices } from "../../session/devices";
import { createLiveSession } from "../../session/live";
import type { PrefsStore } from "../../session/prefs";
import { EndedPage, Progress } from "../ended";
import { GreenRoom } from "../green-room";
import { PrefsContext, usePrefs } from "../settings/prefs-context";
import { createActions } from "../shortcuts";
import { useMe, VisitContext, type VisitValue } from "./context";
import { createUi } from "./ui-store";

const loadMeeting = async () => {
  const [screen] = await Promise.all([
    import("./meeting-screen"),
    loadTexts("meeting"),
    loadTexts("activities"),
  ]);
  return screen;
};
/** Fetched while somebody looks at themselves in the green room. */
const MeetingScreen = lazy(loadMeeting);

interface VisitProps {
  readonly token: string;
  readonly onToken: (token: string) => void;
  readonly onHome: () => void;
  /** Has the browser's Back ask here instead of leaving the page; returns the way to let go. */
  readonly holdBack: (onBack: () => void) => () => void;
}

/** One invitation: joined, left, and joined again as often as somebody likes. */
export function Visit({ token, onToken, onHome, holdBack }: VisitProps) {
  const newest = useRef(token);
  const [attempt, setAttempt] = useState({ number: 0, token });
  const keep = (next: string) => {
    newest.current = next;
    onToken(next);
  };
  if (!window.isSecureContext) {
    const reason = { code: "insecure", detail: "" } as const;
    return <EndedPage reason={reason} logoutUrl={null} onRejoin={onHome} onHome={onHome} />;
  }
  return (
    <Attempt
      key={attempt.number}
      token={attempt.token}
      onToken={keep}
      onHome={onHome}
      holdBack={holdBack}
      onRejoin={() => setAttempt({ number: attempt.number + 1, token: newest.current })}
    />
  );
}

function openVisit(token: string, prefs: PrefsStore, onToken: (token: string) => void): VisitValue {
  const chosen = () => {
    const { microphone, camera, speaker } = prefs.getSnapshot();
    return { microphone, camera, speaker };
  };
  const session = createLiveSession(token, onToken, chosen);
  const ui = createUi(prefs.getSnapshot().panel, (panel) => prefs.change({ panel }));
  // What captures tells of its own end; a speaker does not.
  const devices = createDevices((device, before, after) => {
    if (device.kind !== "audiooutput" || !wasInUse(device, chosen().speaker, before)) return;
    const next = after.find(({ kind }) => kind === device.kind)?.label ?? null;
    const loss = { kind: device.kind, lost: device.label, next, wasOff: false };
    session.notices.show({
      group: "lost-speaker",
      level: "warning",
      text: deviceLossText(loss),
    });
  });
  return { session, devices, ui, actions: createActions(session, ui, prefs) };
}

interface AttemptProps extends VisitProps {
  readonly onRejoin: () => void;
}

function Attempt({ token, onToken, onHome, holdBack, onRejoin }: AttemptProps) {
  const prefs = useContext(PrefsContext);
  const tell = useRef(onToken);
  const [visit, setVisit] = useState<VisitValue | null>(null);
  useEffect(() => {
    const opened = openVisit(token, prefs, (next) => tell.current(next));
    setVisit(opened);
    opened.session.start();
    return () => {
      opened.session.dispose();
      opened.devices.dispose();
    };
  }, [token, prefs]);
  if (!visit) return <Progress step="checking" />;
  return (
    <VisitContext value={visit}>
      <Screen onHome={onHome} holdBack={holdBack} onRejoin={onRejoin} />
    </VisitContext>
  );
}

type ScreenProps = Pick<AttemptProps, "onHome" | "holdBack" | "onRejoin">;

/** The screen that belongs to where the session stands. */
export function Screen({ onHome, holdBack, onRejoin }: ScreenProps) {
  const visit = useContext(VisitContext);
  if (!visit) throw new Error("used outside of a visit");
  const phase = useStore(visit.session.phase);
  const title = useStore(visit.session.room)?.state.title;
  useEffect(() => {
    if (title) document.title = title;
  }, [title]);
  const { ui } = visit;
  const inMeeting = phase.at === "meeting";
  useEffect(
    () => (inMeeting ? holdBack(() => ui.back(window.matchMedia(PHONE).matches)) : undefined),
    [inMeeting, holdBack, ui],
  );
  usePreferredLanguage();
  const ready = phase.at === "ready";
  useEffect(() => {
    if (ready) void loadMeeting();
  }, [ready]);
  switch (phase.at) {
    case "checking":
    case "connecting":
    case "receiving":
      return <Progress step={phase.at} />;
    case "ready":
    case "waiting":
    case "entering":
      return <GreenRoom at={phase.at} />;
    case "meeting":
      return (
        <Suspense fallback={<Progress step="entering" />}>
          <MeetingScreen />
        </Suspense>
      );
    case "ended":
      return (
        <EndedPage
          reason={phase.reason}
          logoutUrl={phase.logoutUrl}
          onRejoin={onRejoin}
          onHome={onHome}
        />
      );
    default:
      return phase satisfies never;
  }
}

/** The language the meeting says this person reads, as long as they have chosen none themselves. */
function usePreferredLanguage(): void {
  const [{ language }] = usePrefs();
  const hint = useMe()?.preferredLanguage ?? null;
  useEffect(() => {
    if (language === null && hint !== null) void showLanguage(null, hint);
  }, [language, hint]);
}
