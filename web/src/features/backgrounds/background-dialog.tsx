import "./background-dialog.css";
import { Video } from "lucide-react";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { loadTexts } from "../../i18n";
import { Modal } from "../../kit/dialog";
import { useSelected, useStore } from "../../kit/use-store";
import { createPreview } from "../../session/devices";
import { showsRear } from "../../session/facing";
import { NO_MEDIA, type PersonMedia } from "../../session/media";
import { DeviceSelect } from "../settings/device-select";
import { usePrefs } from "../settings/prefs-context";
import { TrackVideo } from "../stage/track-video";
import { useMe, useVisit } from "../visit/context";
import { useShown } from "./use-background";

const Content = lazy(async () => {
  const [{ default: Chooser }] = await Promise.all([import("./chooser"), loadTexts("backgrounds")]);
  return { default: () => <Inside chooser={<Chooser />} /> };
});

/** In the meeting: what one is seen in front of, with one's own picture, before it is shared or while it is. */
export function BackgroundDialog() {
  const { t } = useTranslation();
  const { ui } = useVisit();
  return (
    <Modal
      title={t("background.button")}
      closeLabel={t("common.close")}
      onClose={() => ui.showDialog(null)}
      wide
    >
      <Suspense fallback={<p className="muted">…</p>}>
        <Content />
      </Suspense>
    </Modal>
  );
}

function Inside({ chooser }: { readonly chooser: React.ReactNode }) {
  const { session } = useVisit();
  const me = useMe();
  const { on } = useStore(session.media.camera);
  const mine = useSelected(session.media, ({ people }) =>
    me === null ? NO_MEDIA : (people.get(me.id) ?? NO_MEDIA),
  );
  return (
    <>
      {on ? <Shared media={mine} /> : <Unshared />}
      <DeviceSelect kind="videoinput" />
      {chooser}
    </>
  );
}

/** What everybody sees already. */
function Shared({ media }: { readonly media: PersonMedia }) {
  const { t } = useTranslation();
  const [{ mirrorSelf }] = usePrefs();
  return (
    <>
      <figure className="background-preview" aria-label={t("background.preview")}>
        {media.camera ? (
          <TrackVideo
            key={media.camera.id}
            track={media.camera}
            mirrored={mirrorSelf && !media.rear}
          />
        ) : (
          <p>{t("background.starting")}</p>
        )}
      </figure>
      <p className="field-hint">{t("background.applies")}</p>
    </>
  );
}

/** A look at oneself that nobody else has. */
function Unshared() {
  const { t } = useTranslation();
  const { session, actions, devices } = useVisit();
  const [prefs] = usePrefs();
  const [preview] = useState(() => createPreview("video", () => void devices.refresh()));
  useEffect(() => {
    void preview.start(prefs.camera);
  }, [preview, prefs.camera]);
  useEffect(() => () => preview.stop(), [preview]);
  const camera = useStore(preview);
  const { at, stream } = useShown(camera.stream);
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current) video.current.srcObject = stream;
  }, [stream]);
  const { pending } = useStore(session.media.camera);
  const text = camera.problem
    ? t(`green.problem.${camera.problem}`, { device: t("device.cameraWord") })
    : t(at === "failed" ? "background.failed" : "background.starting");
  const turnOn = () => {
    // Some systems lend a camera only once.
    preview.stop();
    actions.camera.run();
  };
  return (
    <>
      <figure className="background-preview" aria-label={t("background.preview")}>
        {stream ? (
          <video
            ref={video}
            autoPlay
            playsInline
            muted
            data-mirrored={prefs.mirrorSelf && !showsRear(camera.stream)}
          />
        ) : (
          <p>{text}</p>
        )}
      </figure>
      <button type="button" className="button button-primary" disabled={pending} onClick={turnOn}>
        <Video className="icon icon-small" aria-hidden="true" />
        {t("background.turnOn")}
      </button>
    </>
  );
}
