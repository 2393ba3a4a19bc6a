/** What to say when a device in use goes away: its name, and what that means now. Pure. */
import { DEVICE_WORDS } from "./choose-device";
import type { Device } from "./devices";
import type { DeviceLoss } from "./media";
import type { NoticeText } from "./notices";

export function deviceLossText({ kind, lost, next, wasOff, denied }: DeviceLoss): NoticeText {
  if (denied && kind !== "audiooutput") return { key: `notice.denied.${DEVICE_WORDS[kind]}` };
  const word = DEVICE_WORDS[kind];
  const device = lost === "" ? ({ keyed: `device.${word}` } as const) : lost;
  if (wasOff) return { key: `notice.lost.off.${word}`, values: { device } };
  if (next === null) return { key: `notice.lost.gone.${word}`, values: { device } };
  return next === ""
    ? { key: "notice.lost.replaced", values: { device } }
    : { key: "notice.lost.replacedBy", values: { device, next } };
}

/** The browser's stand-in for whichever device is the usual one. */
const USUAL = "default";

/** Whether the device that has gone is the one in use, seen through the stand-in. */
export function wasInUse(gone: Device, inUse: string | null, before: readonly Device[]): boolean {
  if (gone.id === inUse) return true;
  if (inUse !== null && inUse !== USUAL) return false;
  const usual =
    before.find(({ id, kind }) => kind === gone.kind && id === USUAL) ??
    before.find(({ kind }) => kind === gone.kind);
  if (!usual) return false;
  return usual.id === gone.id || (usual.group !== "" && usual.group === gone.group);
}
