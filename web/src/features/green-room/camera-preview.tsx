import { LockKeyhole, Mic, MicOff, Video, VideoOff, type LucideIcon } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Avatar } from "../../kit/avatar";
import { useStore } from "../../kit/use-store";
import { showsRear } from "../../session/facing";
import type { Right } from "../../session/rights";
import { useShown } from "../backgrounds";
import { usePrefs } from "../settings/prefs-context";
import type { Previews } from "./use-previews";

interface CameraPreviewProps {
  readonly previews: Previews;
  readonly name: string;
}

/** Your own picture, large, with the two switches on it. */
export function CameraPreview({ previews, name }: CameraPreviewProps) {
  const { t } = useTranslation();
  const [prefs, changePrefs] = usePrefs();
  const camera = useStore(previews.camera);
  const microphone = useStore(previews.microphone);
  const { at, stream } = useShown(camera.stream);
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current) video.current.srcObject = stream;
  }, [stream]);

  // Why it is locked is said beside the ways in.
  const cameraText = camera.pending
    ? t("green.cameraStarting")
    : at === "starting"
      ? t("background.starting")
      : at === "failed"
        ? t("background.failed")
        : t("green.cameraOff");
  return (
    <figure className="preview" aria-label={t("green.preview")}>
      {stream ? (
        <video
          ref={video}
          autoPlay
          playsInline
          muted
          data-mirrored={prefs.mirrorSelf && !showsRear(camera.stream)}
        />
      ) : (
        <div className="preview-off">
          <Avatar id={name} name={name} />
          {previews.unasked.length > 0 ? <Ask previews={previews} /> : <p>{cameraText}</p>}
        </div>
      )}
      <div className="preview-switches">
        <Switch
          icons={[Mic, MicOff]}
          on={microphone.on}
          right={previews.rights.microphone}
          label={t(microphone.on ? "green.microphoneOff" : "green.microphoneOn")}
          caption={t(microphone.on ? "green.microphoneIsOn" : "green.microphoneIsOff")}
          onClick={() => {
            previews.decide("microphone");
            // Wanted but failed or not asked for yet: the wish does not change, so it is opened by hand.
            if (!microphone.on && prefs.joinWithMicrophone) {
              void previews.microphone.start(prefs.microphone);
            } else changePrefs({ joinWithMicrophone: !microphone.on });
          }}
        />
        <Switch
          icons={[Video, VideoOff]}
          on={camera.on}
          right={previews.rights.camera}
          label={t(camera.on ? "green.cameraTurnOff" : "green.cameraTurnOn")}
          caption={t(camera.on ? "green.cameraIsOn" : "green.cameraIsOff")}
          onClick={() => {
            previews.decide("camera");
            if (!camera.on && prefs.joinWithCamera) void previews.camera.start(prefs.camera);
            else changePrefs({ joinWithCamera: !camera.on });
          }}
        />
      </div>
    </figure>
  );
}

/** Says what the browser is about to ask, and has it asked once. */
function Ask({ previews }: { readonly previews: Previews }) {
  const { t } = useTranslation();
  const both = previews.unasked.length === 2;
  const which = both ? "both" : (previews.unasked[0] ?? "both");
  return (
    <>
      <p className="preview-ask">{t(`green.ask.${which}`)}</p>
      <button type="button" className="button button-primary" onClick={previews.ask}>
        {t(`green.allow.${which}`)}
      </button>
    </>
  );
}

interface SwitchProps {
  readonly icons: readonly [on: LucideIcon, off: LucideIcon];
  readonly on: boolean;
  readonly right: Right;
  readonly label: string;
  readonly caption: string;
  readonly onClick: () => void;
}

function Switch({ icons, on, right, label, caption, onClick }: SwitchProps) {
  const { t } = useTranslation();
  const Icon = icons[on ? 0 : 1];
  return (
    <div className="preview-switch">
      <button
        type="button"
        className="round-switch"
        data-on={on}
        disabled={!right.ok}
        aria-label={label}
        title={label}
        onClick={onClick}
      >
        <Icon className="icon" aria-hidden="true" />
      </button>
      <span className="preview-caption" aria-hidden="true">
        {right.ok ? (
          caption
        ) : (
          <>
            <LockKeyhole className="icon icon-small" />
            {t("green.locked")}
          </>
        )}
      </span>
    </div>
  );
}
