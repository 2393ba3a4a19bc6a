/** Another device in the middle of a meeting. */
import type { DeviceKind } from "./media";
import type { Session } from "./session";

export const DEVICE_WORDS = {
  audioinput: "microphone",
  videoinput: "camera",
  audiooutput: "speaker",
} as const satisfies Record<DeviceKind, string>;

/** Whether it was taken; if not, it is said so, and the one before goes on. */
export async function chooseDevice(
  { media, notices }: Pick<Session, "media" | "notices">,
  kind: DeviceKind,
  id: string,
): Promise<boolean> {
  try {
    await media.switchDevice(kind, id);
    return true;
  } catch {
    notices.show({
      group: `switch-${kind}`,
      level: "error",
      text: { key: `notice.switch.${DEVICE_WORDS[kind]}` },
    });
    return false;
  }
}
