import { Mic, MicOff, Video, VideoOff } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Avatar } from "../../kit/avatar";
import { useStore } from "../../kit/use-store";
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
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current) video.current.srcObject = camera.stream;
  }, [camera.stream]);

  const cameraText = !previews.cameraAllowed
    ? t("green.cameraLocked")
    : camera.pending
      ? t("green.cameraStarting")
      : t("green.cameraOff");
  return (
    <figure className="preview" aria-label={t("green.preview")}>
      {camera.stream ? (
        <video ref={video} autoPlay playsInline muted data-mirrored={prefs.mirrorSelf} />
      ) : (
        <div className="preview-off">
          <Avatar id={name} name={name} />
          <p>{cameraText}</p>
          {!previews.microphoneAllowed && <p>{t("green.microphoneLocked")}</p>}
        </div>
      )}
      <div className="preview-switches">
        <button
          type="button"
          className="round-switch"
          data-on={microphone.on}
          disabled={!previews.microphoneAllowed}
          aria-label={t(microphone.on ? "green.microphoneOff" : "green.microphoneOn")}
          title={t(microphone.on ? "green.microphoneOff" : "green.microphoneOn")}
          onClick={() => {
            // Wanted but failed before: the wish does not change, so it is tried again by hand.
            if (!microphone.on && prefs.joinWithMicrophone) {
              void previews.microphone.start(prefs.microphone);
            } else changePrefs({ joinWithMicrophone: !microphone.on });
          }}
        >
          {microphone.on ? <Mic className="icon" /> : <MicOff className="icon" />}
        </button>
        <button
          type="button"
          className="round-switch"
          data-on={camera.on}
          disabled={!previews.cameraAllowed}
          aria-label={t(camera.on ? "green.cameraTurnOff" : "green.cameraTurnOn")}
          title={t(camera.on ? "green.cameraTurnOff" : "green.cameraTurnOn")}
          onClick={() => {
            if (!camera.on && prefs.joinWithCamera) void previews.camera.start(prefs.camera);
            else changePrefs({ joinWithCamera: !camera.on });
          }}
        >
          {camera.on ? <Video className="icon" /> : <VideoOff className="icon" />}
        </button>
      </div>
    </figure>
  );
}
