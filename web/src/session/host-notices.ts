/** What a host did to this person's devices or asks of them, as a notice. Loaded when the first one comes. */
import { decodeHostNotice, type HostedDevice } from "../wire/host-notice";
import type { Media } from "./media";
import type { NoticeStore } from "./notices";

interface Means {
  readonly notices: Pick<NoticeStore, "show" | "dismissGroup">;
  readonly media: Pick<Media, HostedDevice>;
  switchOn(which: HostedDevice): void;
  serverNow(): number;
}

/** Says whether it was understood. */
export function showHostNotice(details: Uint8Array, means: Means): boolean {
  const notice = decodeHostNotice(details);
  if (!notice) return false;
  const { notices, media, switchOn } = means;
  if (notice.kind === "closing") {
    const count = Math.max(1, Math.round((notice.at - means.serverNow()) / 1_000));
    const text = { key: "breakout.closesSoon", values: { count } } as const;
    notices.show({ group: "time", level: "warning", text, alert: "asked" });
    return true;
  }
  const { kind, device, by: name } = notice;
  if (kind === "stopped") {
    notices.show({
      group: `stopped-${device}`,
      level: "warning",
      text: { key: `notice.stopped.${device}`, values: { name } },
    });
    return true;
  }
  if (media[device].getSnapshot().on) return true;
  // A question is no news: it stays until it is answered one way or the other.
  const group = `asked-${device}`;
  notices.show({
    group,
    text: { key: `notice.asked.${device}`, values: { name } },
    sticky: true,
    alert: "asked",
    action: { key: `notice.comply.${device}`, run: () => switchOn(device) },
  });
  const stop = media[device].subscribe(() => {
    if (!media[device].getSnapshot().on) return;
    stop();
    notices.dismissGroup(group);
  });
  return true;
}
