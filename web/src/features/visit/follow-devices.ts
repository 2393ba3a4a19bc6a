/** Devices that are plugged in and pulled out while somebody visits: what is said of it, and offered. */
import { chooseDevice, DEVICE_WORDS } from "../../session/choose-device";
import { deviceLossText, wasInUse } from "../../session/device-loss";
import { createDevices, type DeviceChange, type DevicesStore } from "../../session/devices";
import type { DevicesInUse } from "../../session/media";
import type { PrefsStore } from "../../session/prefs";
import type { Session } from "../../session/session";

export function followDevices(
  session: Pick<Session, "media" | "notices">,
  prefs: Pick<PrefsStore, "getSnapshot">,
): DevicesStore {
  const { media, notices } = session;
  const chosen = (kind: keyof DevicesInUse) => prefs.getSnapshot()[DEVICE_WORDS[kind]];
  return createDevices<DevicesInUse>({
    now: () => media.getSnapshot().inUse,
    onGone(change) {
      notices.dismissGroup(`back-${change.device.kind}`);
      // What captures tells of its own end; a speaker does not.
      if (change.device.kind === "audiooutput") sayGone(change);
    },
    onCome({ device: { id, kind, label }, at }) {
      if (chosen(kind) !== id || at[kind] === null || at[kind] === id) return;
      notices.show({
        group: `back-${kind}`,
        text: {
          key: "notice.back",
          values: { device: label === "" ? { keyed: `device.${DEVICE_WORDS[kind]}` } : label },
        },
        action: { key: "notice.useAgain", run: () => void chooseDevice(session, kind, id) },
      });
    },
  });

  function sayGone({ device, before, after, at }: DeviceChange<DevicesInUse>) {
    if (!wasInUse(device, at.audiooutput ?? chosen("audiooutput"), before)) return;
    const next = after.find(({ kind }) => kind === device.kind)?.label ?? null;
    const loss = { kind: device.kind, lost: device.label, next, wasOff: false, denied: false };
    notices.show({ group: "lost-speaker", level: "warning", text: deviceLossText(loss) });
  }
}
