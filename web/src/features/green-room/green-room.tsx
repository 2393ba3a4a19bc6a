import "./green-room.css";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { useArrival } from "../../kit/use-arrival";
import { useStore } from "../../kit/use-store";
import { LanguageSelect } from "../settings/language-select";
import { DeviceSelect } from "../settings/device-select";
import { usePrefs } from "../settings/prefs-context";
import { useMe, useRoomState, useSession } from "../visit/context";
import { CameraPreview } from "./camera-preview";
import { LevelMeter } from "./level-meter";
import { DeviceProblemNote } from "./problem-note";
import { SpeakerTest } from "./speaker-test";
import { usePreviews } from "./use-previews";
import { WaitingCard } from "./waiting-card";

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

  const join = (withDevices: boolean) =>
    session.join({
      withMicrophone: withDevices && microphone.on,
      withCamera: withDevices && camera.on,
    });

  return (
    <main className="green" id="startupJoinModal">
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
      </div>
      <section className="green-side" aria-labelledby="green-title">
        <div>
          <h1 id="green-title" ref={heading} tabIndex={-1}>
            {room?.title || t("green.heading")}
          </h1>
          <p className="muted">{t("green.joiningAs", { name: me?.name ?? "" })}</p>
        </div>
        {at === "waiting" ? (
          <WaitingCard message={room?.waitingMessage ?? ""} />
        ) : (
          <div className="green-actions">
            <button
              type="button"
              className="button button-primary button-wide green-join"
              disabled={entering}
              onClick={() => join(true)}
            >
              {entering ? t("progress.entering") : t("green.join")}
            </button>
            <button
              type="button"
              id="listenOnlyJoin"
              className="button button-plain button-wide"
              disabled={entering}
              onClick={() => join(false)}
            >
              {t("green.joinWithout")}
            </button>
            {room?.features.muteOnStart && <p className="field-hint">{t("green.startsMuted")}</p>}
          </div>
        )}
        <div className="green-devices">
          <DeviceSelect kind="audioinput" />
          <LevelMeter preview={previews.microphone} />
          <DeviceSelect kind="videoinput" />
          <DeviceSelect kind="audiooutput" />
          <SpeakerTest speaker={prefs.speaker} />
        </div>
        <LanguageSelect />
      </section>
    </main>
  );
}
