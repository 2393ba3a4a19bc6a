/** What the server tells this person alone: what a host did or asks, which line went no further. Loaded with the first. */
import type { TextKey } from "../i18n/keys";
import { decodeHostNotice, type HostedDevice, type UnsentLine } from "../wire/host-notice";
import type { RoomState } from "../wire/types";
import type { ChatStore } from "./chat";
import type { Media } from "./media";
import type { NoticeStore } from "./notices";

interface Means {
  readonly notices: Pick<NoticeStore, "show" | "dismissGroup">;
  readonly media: Pick<Media, HostedDevice>;
  readonly chat: Pick<ChatStore, "refuse">;
  room(): RoomState | undefined;
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
  if (notice.kind === "not-sent") {
    for (const line of notice.lines) {
      if (line.id !== null) means.chat.refuse(line.id, notSentText(line, means.room()));
    }
    const key = notSentText(notice.lines[0], means.room());
    notices.show({ group: "not-sent", level: "warning", passing: true, text: { key } });
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

/** Who decided it, and what to do. */
function notSentText({ why, isPrivate }: UnsentLine, room: RoomState | undefined): TextKey {
  switch (why) {
    case "locked":
      // Hosts can still be written to where only private messages are locked.
      return isPrivate && !room?.defaultLocks.chat ? "why.lockedPrivate.chat" : "why.locked.chat";
    case "lockedYou":
      return "why.lockedYou.chat";
    case "off":
      return "why.off.chat";
    default:
      return `chat.refused.${why}`;
  }
}
