import { useEffect } from "react";
import type { TextKey } from "../../i18n/keys";
import type { DeviceTrouble, StuckDevices } from "../../session/flow";
import { useVisit } from "./context";

const DEVICES = ["microphone", "camera"] as const satisfies (keyof StuckDevices)[];

const textOf = (device: keyof StuckDevices, trouble: DeviceTrouble): TextKey =>
  // A camera makes no sound that could be missed.
  device === "camera"
    ? `notice.stuck.camera.${trouble === "silent" ? "still" : trouble}`
    : `notice.stuck.microphone.${trouble}`;

/** A device of mine that is on and gives nothing: what to do about it, for as long as it is so. */
export function useStuckDevices(): void {
  const { session, ui } = useVisit();
  const { media, notices } = session;
  useEffect(() => {
    let told: StuckDevices = { microphone: null, camera: null };
    const tell = () => {
      const { stuck } = media.getSnapshot();
      for (const device of DEVICES) {
        const trouble = stuck[device];
        if (trouble === told[device]) continue;
        const group = `stuck-${device}`;
        notices.dismissGroup(group);
        if (trouble === null) continue;
        notices.show({
          group,
          level: "warning",
          sticky: true,
          text: { key: textOf(device, trouble) },
          action: { key: "notice.stuck.again", run: () => media.reopen(device) },
          also: { key: "notice.stuck.choose", run: () => ui.showDialog("settings") },
        });
      }
      told = stuck;
    };
    tell();
    return media.subscribe(tell);
  }, [media, notices, ui]);
}
