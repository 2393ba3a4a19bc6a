import { Suspense, useContext, useEffect, useRef, useState } from "react";
import { loadTexts, showLanguage } from "../../i18n";
import { prefetched } from "../../kit/prefetched";
import { tabStorage } from "../../kit/tab-storage";
import { PHONE } from "../../kit/use-media-query";
import { useStore } from "../../kit/use-store";
import { createLiveSession } from "../../session/live";
import type { NoticeText } from "../../session/notices";
import type { PrefsStore } from "../../session/prefs";
import type { Session } from "../../session/session";
import { followBackground } from "../backgrounds";
import { EndedPage, Progress } from "../ended";
import { GreenRoom } from "../green-room";
import { PrefsContext, usePrefs } from "../settings/prefs-context";
// Not from the folder's index: the list of shortcuts is a dialog, and dialogs come with the meeting.
import { createActions } from "../shortcuts/actions";
import { followDevices } from "./follow-devices";
import { useMe, VisitContext, type VisitValue } from "./context";
import { createUi } from "./ui-store";
import { createWayBack, keepWayBack, keptWayBack, whyBack } from "./way-back";

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
}

interface Going {
  readonly token: string;
  /** What leads out again, if it leads into a breakout room. */
  readonly back: string | null;
  /** `null` goes through the green room. */
  readonly carried: Carried | null;
  /** What this person is told once they are there. */
  readonly news: NoticeText | null;
}

/** One invitation: joined, left, and joined again as often as somebody likes. */
export function Visit({ token, onToken, onHome, holdBack }: VisitProps) {
  const [{ number, ...going }, setGoing] = useState<Going & { readonly number: number }>(() => ({
    number: 0,
    token,
    back: keptWayBack(tabStorage(), token),
    carried: null,
    news: null,
  }));
  const newest = useRef({ token: going.token, back: going.back });
  const keep = (next: Partial<Pick<Going, "token" | "back">>) => {
    newest.current = { ...newest.current, ...next };
    onToken(newest.current.token);
    keepWayBack(tabStorage(), newest.current.token, newest.current.back);
  };
  const go = (next: Going) => {
    keep({ token: next.token, back: next.back });
    setGoing((before) => ({ ...next, number: before.number + 1 }));
  };
  const home = () => {
    keepWayBack(tabStorage(), newest.current.token, null);
    onHome();
  };
  if (!window.isSecureContext) {
    const reason = { code: "insecure", detail: "" } as const;
    return <EndedPage reason={reason} logoutUrl={null} onRejoin={home} onHome={home} />;
  }
  return (
    <Attempt
      key={number}
      going={going}
      onToken={(next) => keep({ token: next })}
      onWayBack={(back) => keep({ back })}
      onHome={home}
      holdBack={holdBack}
      onRejoin={() => go({ ...newest.current, carried: null, news: null })}
      onGo={go}
    />
  );
}

interface Hooks {
  /** A newer token for the same room. */
  onToken(token: string): void;
  onWayBack(token: string): void;
  onGo(going: Going): void;
}

function openVisit(going: Going, prefs: PrefsStore, hooks: Hooks): VisitValue {
  const chosen = () => {
    const { microphone, camera, speaker } = prefs.getSnapshot();
    return { microphone, camera, speaker };
  };
  const session = createLiveSession(going.token, hooks.onToken, chosen, {
    taken: () => prefs.getSnapshot().backgroundSaving,
    take: () => prefs.change({ backgroundSaving: true }),
  });
  const ui = createUi(prefs.getSnapshot().panel, (panel) => prefs.change({ panel }));
  const devices = followDevices(session, prefs);
  const wayBack = createWayBack(session, going.back, hooks.onWayBack);
  return {
    session,
    devices,
    ui,
    actions: createActions(session, ui, prefs),
    wayBack,
    travel(token, roomId) {
      // The answer came too late for somebody who has gone meanwhile.
      if (session.phase.getSnapshot().at === "ended") return;
      const parent = session.room.getSnapshot()?.state.activities.breakout.parent ?? null;
      const back = parent === null ? session.token() : wayBack.token();
      hooks.onGo({
        token,
        back: roomId === parent ? null : back,
        carried: devicesOf(session),
        news: null,
      });
    },
    goBack(token, reason) {
      const wasIn = wayBack.wasIn();
      hooks.onGo({
        token,
        back: null,
        carried: wasIn ? devicesOf(session) : going.carried,
        news: whyBack(reason, wasIn),
      });
    },
  };
}

const devicesOf = ({ media }: Session): Carried => ({
  microphone: media.microphone.getSnapshot().on,
  camera: media.camera.getSnapshot().on,
});

interface AttemptProps extends Hooks, Pick<VisitProps, "onHome" | "holdBack"> {
  readonly going: Going;
  readonly onRejoin: () => void;
}

function Attempt({ going, onHome, holdBack, onRejoin, ...given }: AttemptProps) {
  const prefs = useContext(PrefsContext);
  const first = useRef(going);
  const hooks = useRef<Hooks>(given);
  const [visit, setVisit] = useState<VisitValue | null>(null);
  useEffect(() => {
    const opened = openVisit(first.current, prefs, {
      onToken: (token) => hooks.current.onToken(token),
      onWayBack: (token) => hooks.current.onWayBack(token),
      onGo: (next) => hooks.current.onGo(next),
    });
    const stopFollowing = followBackground(opened.session, prefs);
    setVisit(opened);
    opened.session.start();
    return () => {
      stopFollowing();
      opened.session.dispose();
      opened.devices.dispose();
    };
  }, [prefs]);
  if (!visit) return <Progress step="checking" />;
  const { carried, news } = going;
  return (
    <VisitContext value={visit}>
      <Screen onHome={onHome} holdBack={holdBack} onRejoin={onRejoin} {...{ carried, news }} />
    </VisitContext>
  );
}

type ScreenProps = Pick<AttemptProps, "onHome" | "holdBack" | "onRejoin"> &
  Partial<Pick<Going, "carried" | "news">>;

/** The screen that belongs to where the session stands. */
export function Screen(props: ScreenProps) {
  const { onHome, holdBack, onRejoin, carried = null, news = null } = props;
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
    }
  }, [ready, carried, session]);
  useEffect(() => {
    if (inMeeting && news) session.notices.show({ level: "warning", text: news });
  }, [inMeeting, news, session]);
  const { wayBack, goBack } = visit;
  const reason = phase.at === "ended" ? phase.reason : null;
  const back = reason && wayBack.after(reason);
  useEffect(() => {
    if (reason && back !== null) goBack(back, reason);
  }, [reason, back, goBack]);
  if (back !== null) return <Progress step="entering" />;
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
