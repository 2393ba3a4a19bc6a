import { useEffect, useMemo } from "react";
import { mayUseCamera, mayUseMicrophone } from "../../session/rights";
import { createPreview, type Preview } from "../../session/devices";
import { usePrefs } from "../settings/prefs-context";
import { useMe, useRoomState, useVisit } from "../visit/context";

export interface Previews {
  readonly microphone: Preview;
  readonly camera: Preview;
  readonly cameraAllowed: boolean;
  readonly microphoneAllowed: boolean;
}

/** Both devices tried out, opened as last time, and let go when the page moves on. */
export function usePreviews(): Previews {
  const { devices } = useVisit();
  const [prefs] = usePrefs();
  const me = useMe();
  const room = useRoomState();
  const previews = useMemo(() => {
    const onAllowed = () => void devices.refresh();
    return {
      microphone: createPreview("audio", onAllowed),
      camera: createPreview("video", onAllowed),
    };
  }, [devices]);
  const microphoneAllowed = me !== null && room !== null && mayUseMicrophone(me, room).ok;
  const cameraAllowed = me !== null && room !== null && mayUseCamera(me, room).ok;

  useEffect(() => {
    if (!microphoneAllowed) return previews.microphone.stop();
    if (prefs.joinWithMicrophone) void previews.microphone.start(prefs.microphone);
    else previews.microphone.stop();
  }, [previews, microphoneAllowed, prefs.joinWithMicrophone, prefs.microphone]);
  useEffect(() => {
    if (!cameraAllowed) return previews.camera.stop();
    if (prefs.joinWithCamera) void previews.camera.start(prefs.camera);
    else previews.camera.stop();
  }, [previews, cameraAllowed, prefs.joinWithCamera, prefs.camera]);
  useEffect(
    () => () => {
      previews.microphone.stop();
      previews.camera.stop();
    },
    [previews],
  );
  return { ...previews, microphoneAllowed, cameraAllowed };
}
