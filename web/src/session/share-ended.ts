/** What is said when my shared screen ends and I did not end it. */
import type { Media, ShareEnd } from "./media";
import type { NoticeRequest, NoticeStore } from "./notices";

interface Around {
  readonly media: Pick<Media, "getSnapshot" | "subscribe" | "screen">;
  readonly notices: Pick<NoticeStore, "getSnapshot" | "show" | "dismissGroup">;
  share(): void;
}

const GROUP = "share-ended";

/** Returns what to call when it has ended. */
export function createShareEnded({ media, notices, share }: Around): (why: ShareEnd) => void {
  const action = { key: "notice.shareAgain", run: share } as const;
  return (why) => {
    // Whoever pressed the browser's own button knows; whose window was closed does not, and nobody can tell them apart.
    if (why === "source") {
      return void notices.show({ group: GROUP, text: { key: "notice.shareEnded" }, action });
    }
    const cut: NoticeRequest = {
      group: GROUP,
      level: "warning",
      sticky: true,
      alert: "trouble",
      text: { key: "notice.shareCut" },
    };
    const connected = () => media.getSnapshot().status === "connected";
    // Nothing can be shared before.
    let offered = connected();
    const shown = notices.show(offered ? { ...cut, action } : cut);
    const look = () => {
      if (!notices.getSnapshot().some(({ id }) => id === shown)) return stop();
      if (offered || !connected()) return;
      offered = true;
      notices.show({ ...cut, action });
    };
    const stops = [
      media.subscribe(look),
      media.screen.subscribe(() => {
        if (!media.screen.getSnapshot().on) return;
        notices.dismissGroup(GROUP);
        stop();
      }),
    ];
    const stop = () => stops.forEach((each) => each());
  };
}
