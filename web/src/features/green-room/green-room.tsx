import "./green-room.css";
import { LockKeyhole } from "lucide-react";
import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { loadTexts } from "../../i18n";
import { announce } from "../../kit/announcer";
import { useArrival } from "../../kit/use-arrival";
import { useStore } from "../../kit/use-store";
import { isLockRefusal } from "../../session/rights";
import { LanguageSelect } from "../settings/language-select";
import { openIn, type Preview } from "../../session/devices";
import { BackgroundControl } from "../backgrounds";
// Not from the folder's index: the bell and its list are not needed before the meeting.
import { Notices } from "../notices/notices";
import { DeviceSelect } from "../settings/device-select";
import { usePrefs } from "../settings/prefs-context";
import { useMe, useRoomState, useSession } from "../visit/context";
import { CameraPreview } from "./camera-preview";
import { LevelMeter } from "./level-meter";
import { DeviceProblemNote } from "./problem-note";
import { SpeakerTest } from "./speaker-test";
import { usePreviews, type Previews } from "./use-previews";

/** With its words; nobody else needs them. */
const WaitingCard = lazy(async () => {
  const [card] = await Promise.all([import("./waiting-card"), loadTexts("waiting")]);
  return card;
});

/** With its words; nobody waits for it. */
const ConnectionNotice = lazy(async () => {
  const [notice] = await Promise.all([import("./connection-notice"), loadTexts("connection")]);
  return notice;
});

interface GreenRoomProps {
  readonly at: "ready" | "waiting" | "entering";
}

export function GreenRoom({ at }: GreenRoomProps) {
  const { t } = useTranslation();
  const session = useSession();
  const me = useMe();
  const room = useRoomState();
  const [prefs] = usePrefs();
  const previews = usePreviews();
  const microphone = useStore(previews.microphone);
  const camera = useStore(previews.camera);
  const heading = useArrival<HTMLHeadingElement>();
  const entering = at === "entering";
  useEffect(() => {
    if (entering) announce(t("progress.entering"));
  }, [entering, t]);

  const join = (withDevices: boolean) => {
    const bring = (preview: Preview) => () =>
      withDevices && preview.getSnapshot().on
        ? { on: true, track: preview.handOver() }
        : { on: false, track: null };
    session.join({
      microphone: bring(previews.microphone),
      camera: bring(previews.camera),
    });
  };
  const muted = room?.features.muteOnStart ?? false;
  // Until it is known what opens, the button says what is wanted, and waits.
  const words = previews.settled
    ? joinWords(microphone.on, camera.on, muted)
    : joinWords(
        previews.wanted.microphone && previews.rights.microphone.ok,
        previews.wanted.camera && previews.rights.camera.ok,
        muted,
      );
  const nothing = words === "withoutDevices";

  return (
    <main className="green" id="startupJoinModal">
      <div className="green-notices">
        <Notices />
      </div>
      <div className="green-stage">
        <CameraPreview previews={previews} name={me?.name ?? ""} />
        {microphone.problem !== null && (
          <DeviceProblemNote
            device="microphone"
            problem={microphone.problem}
            onRetry={() => void previews.microphone.start(prefs.microphone)}
          />
        )}
        {camera.problem !== null && (
          <DeviceProblemNote
            device="camera"
            problem={camera.problem}
            onRetry={() => void previews.camera.start(prefs.camera)}
          />
        )}
        <BackgroundControl />
      </div>
      <section className="green-side" aria-labelledby="green-title">
        <div>
          <h1 id="green-title" ref={heading} tabIndex={-1}>
            {room?.title || t("green.heading")}
          </h1>
          <p className="muted">{t("green.joiningAs", { name: me?.name ?? "" })}</p>
        </div>
        <LocksNote previews={previews} />
        {at === "waiting" ? (
          <Suspense fallback={<p className="muted">…</p>}>
            <WaitingCard />
          </Suspense>
        ) : (
          <div className="green-actions">
            {!nothing && (
              <button
                type="button"
                className="button button-primary button-wide green-join"
                disabled={entering || !previews.settled}
                onClick={() => join(true)}
              >
                {entering ? t("progress.entering") : t(`green.join.${words}`)}
              </button>
            )}
            <button
              type="button"
              id="listenOnlyJoin"
              className={
                `button button-wide ${nothing ? "green-join" : ""} ` +
                // One thing is asked of people at a time: first the devices, if they are still to be allowed.
                (nothing && previews.unasked.length === 0 ? "button-primary" : "button-plain")
              }
              disabled={entering}
              onClick={() => join(false)}
            >
              {entering && nothing ? t("progress.entering") : t("green.join.withoutDevices")}
            </button>
            {muted && microphone.on && <p className="field-hint">{t("green.startsMuted")}</p>}
          </div>
        )}
        <div className="green-devices">
          <DeviceSelect kind="audioinput" tried={openIn(microphone)} />
          <LevelMeter preview={previews.microphone} />
          <DeviceSelect kind="videoinput" tried={openIn(camera)} />
          <DeviceSelect kind="audiooutput" />
          <SpeakerTest speaker={prefs.speaker} />
          <Suspense fallback={<div className="line-check-place" />}>
            <ConnectionNotice />
          </Suspense>
        </div>
        <LanguageSelect />
      </section>
    </main>
  );
}

/** What the button will really do, as one of its wordings. */
export function joinWords(microphone: boolean, camera: boolean, muted: boolean) {
  if (microphone && muted) return camera ? "cameraMuted" : "muted";
  if (microphone) return camera ? "both" : "microphone";
  return camera ? "camera" : "withoutDevices";
}

/** Why a switch cannot be used, in words beside the lock on it. */
function LocksNote({ previews }: { readonly previews: Previews }) {
  const { t } = useTranslation();
  const locked = (["microphone", "camera"] as const).flatMap((device) => {
    const right = previews.rights[device];
    return right.ok ? [] : [{ device, why: right.why }];
  });
  if (locked.length === 0) return null;
  return (
    <ul className="green-locks">
      {locked.map(({ device, why }) => (
        <li key={device}>
          <LockKeyhole className="icon icon-small" aria-hidden="true" />
          {isLockRefusal(why) ? t(`green.lockedByHost.${device}`) : t(`why.${why}.${device}`)}
        </li>
      ))}
    </ul>
  );
}
