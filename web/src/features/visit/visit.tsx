import { Suspense, useContext, useEffect, useRef, useState } from "react";
import { loadTexts, showLanguage } from "../../i18n";
import { prefetched } from "../../kit/prefetched";
import { PHONE } from "../../kit/use-media-query";
import { useStore } from "../../kit/use-store";
import { deviceLossText, wasInUse } from "../../session/device-loss";
import { createDevices } from "../../session/devices";
import { createLiveSession } from "../../session/live";
import type { PrefsStore } from "../../session/prefs";
import { followBackground } from "../backgrounds";
import { EndedPage, Progress } from "../ended";
import { GreenRoom } from "../green-room";
import { PrefsContext, usePrefs } from "../settings/prefs-context";
// Not from the folder's index: the list of shortcuts is a dialog, and dialogs come with the meeting.
import { createActions } from "../shortcuts/actions";
import { useMe, VisitContext, type VisitValue } from "./context";
import { createUi } from "./ui-store";

/** Fetched while somebody looks at themselves in the green room. */
const meetingScreen = prefetched(async () => {
  const [screen] = await Promise.all([
    import("./meeting-screen"),
    loadTexts("meeting"),
    loadTexts("activities"),
  ]);
  return screen;
});

interface VisitProps {
  readonly token: string;
  readonly onToken: (token: string) => void;
  readonly onHome: () => void;
  /** Has the browser's Back ask here instead of leaving the page; returns the way to let go. */
  readonly holdBack: (onBack: () => void) => () => void;
}

/** What goes along into another room. */
interface Carried {
  readonly microphone: boolean;
  readonly camera: boolean;
  /** A host sent this person out of the room they come from. */
  readonly sentOut: boolean;
}

interface Going {
  readonly number: number;
  readonly token: string;
  /** `null` goes through the green room. */
  readonly carried: Carried | null;
}

/** One invitation: joined, left, and joined again as often as somebody likes. */
export function Visit({ token, onToken, onHome, holdBack }: VisitProps) {
  const newest = useRef(token);
  const [attempt, setAttempt] = useState<Going>({ number: 0, token, carried: null });
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
      carried={attempt.carried}
      onRejoin={() =>
        setAttempt({ number: attempt.number + 1, token: newest.current, carried: null })
      }
      onTravel={(next, carried) => {
        keep(next);
        setAttempt({ number: attempt.number + 1, token: next, carried });
      }}
    />
  );
}

function openVisit(
  token: string,
  prefs: PrefsStore,
  onToken: (token: string) => void,
  onTravel: AttemptProps["onTravel"],
): VisitValue {
  const chosen = () => {
    const { microphone, camera, speaker } = prefs.getSnapshot();
    return { microphone, camera, speaker };
  };
  const session = createLiveSession(token, onToken, chosen, {
    taken: () => prefs.getSnapshot().backgroundSaving,
    take: () => prefs.change({ backgroundSaving: true }),
  });
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
  const wayBack: VisitValue["wayBack"] = { token: null };
  const { media } = session;
  const ended = (code: string) => {
    const phase = session.phase.getSnapshot();
    return phase.at === "ended" && phase.reason.code === code;
  };
  const carried = (): Carried => ({
    microphone: media.microphone.getSnapshot().on,
    camera: media.camera.getSnapshot().on,
    sentOut: ended("removed"),
  });
  return {
    session,
    devices,
    ui,
    actions: createActions(session, ui, prefs),
    travel: (next) => onTravel(next, carried()),
    wayBack,
  };
}

interface AttemptProps extends VisitProps {
  readonly carried: Carried | null;
  readonly onRejoin: () => void;
  readonly onTravel: (token: string, carried: Carried) => void;
}

function Attempt(props: AttemptProps) {
  const { token, onToken, onHome, holdBack, carried, onRejoin, onTravel } = props;
  const prefs = useContext(PrefsContext);
  const tell = useRef(onToken);
  const travel = useRef(onTravel);
  const [visit, setVisit] = useState<VisitValue | null>(null);
  useEffect(() => {
    const opened = openVisit(
      token,
      prefs,
      (next) => tell.current(next),
      (...going) => travel.current(...going),
    );
    const stopFollowing = followBackground(opened.session, prefs);
    setVisit(opened);
    opened.session.start();
    return () => {
      stopFollowing();
      opened.session.dispose();
      opened.devices.dispose();
    };
  }, [token, prefs]);
  if (!visit) return <Progress step="checking" />;
  return (
    <VisitContext value={visit}>
      <Screen onHome={onHome} holdBack={holdBack} onRejoin={onRejoin} carried={carried} />
    </VisitContext>
  );
}

type ScreenProps = Pick<AttemptProps, "onHome" | "holdBack" | "onRejoin"> &
  Partial<Pick<AttemptProps, "carried">>;

/** Ends of a breakout room after which everybody goes on in the main room. */
const ENDS_A_ROOM: ReadonlySet<string> = new Set([
  "room-ended",
  "ended-by-you",
  "time-over",
  // Whoever is out of the main room as well learns it there.
  "removed",
]);

/** The screen that belongs to where the session stands. */
export function Screen({ onHome, holdBack, onRejoin, carried = null }: ScreenProps) {
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
  const { session } = visit;
  useEffect(() => {
    if (!ready) return;
    meetingScreen.fetch().catch(() => undefined);
    // Whoever only changes rooms has looked at themselves already.
    if (carried) {
      session.join({
        microphone: () => ({ on: carried.microphone, track: null }),
        camera: () => ({ on: carried.camera, track: null }),
      });
      if (carried.sentOut) {
        session.notices.show({ level: "warning", text: { key: "breakout.sentOut" } });
      }
    }
  }, [ready, carried, session]);
  const back = phase.at === "ended" && ENDS_A_ROOM.has(phase.reason.code) && visit.wayBack.token;
  const { travel } = visit;
  useEffect(() => {
    if (back) travel(back);
  }, [back, travel]);
  if (back) return <Progress step="entering" />;
  switch (phase.at) {
    case "checking":
    case "connecting":
    case "receiving":
      return <Progress step={phase.at} />;
    case "ready":
    case "waiting":
    case "entering":
      if (carried && phase.at !== "waiting") return <Progress step="entering" />;
      return <GreenRoom at={phase.at} />;
    case "meeting":
      return (
        <Suspense fallback={<Progress step="entering" />}>
          <meetingScreen.Part />
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
