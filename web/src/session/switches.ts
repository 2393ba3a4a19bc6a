/** Microphone, camera and screen of this person: what locks do to them, and why one of them stays off. */
import type { Person, RoomState } from "../wire/types";
import type { Media, MediaSwitch } from "./media";
import type { NoticeStore } from "./notices";
import { isLockRefusal, mayUse } from "./rights";

interface Around {
  readonly media: Media;
  readonly notices: Pick<NoticeStore, "show">;
  me(): Person | undefined;
  room(): RoomState | undefined;
  inMeeting(): boolean;
  ended(): boolean;
}

export interface Switches {
  /** Whether it may be switched on; if not, it is said why. */
  may(which: MediaSwitch): boolean;
  /** As the button would: a lock that came meanwhile is explained, not tried. */
  on(which: MediaSwitch): void;
  /**
   * The server has already cut what a new lock forbids; the switches follow. Whoever comes into a room finds
   * its locks on the switches; what changes afterwards is also said.
   */
  obeyLocks(silently?: boolean): void;
  failed(which: MediaSwitch, error: unknown, wanted: boolean): void;
}

export function createSwitches({ media, notices, me, room, inMeeting, ended }: Around): Switches {
  /** What a host has locked for this person. */
  const shut = new Set<MediaSwitch>();
  const may = (which: MediaSwitch): boolean => {
    const [state, person] = [room(), me()];
    if (!state || !person) return false;
    const right = mayUse(which, person, state);
    if (right.ok) return true;
    const text = { key: `why.${right.why}.${which}` } as const;
    notices.show({ group: `refused-${which}`, level: "warning", passing: true, text });
    return false;
  };
  return {
    may,
    on(which) {
      if (may(which)) media[which].want(true);
    },
    obeyLocks(silently = !inMeeting()) {
      const [state, person] = [room(), me()];
      if (!state || !person) return;
      for (const device of ["microphone", "camera", "screen"] as const) {
        const right = mayUse(device, person, state);
        const why = !right.ok && isLockRefusal(right.why) ? right.why : null;
        const wasOn = media[device].getSnapshot().on;
        const wasShut = shut.has(device);
        if (why === null) shut.delete(device);
        else shut.add(device);
        if (why !== null && wasOn) media[device].want(false);
        if (silently || (why !== null) === wasShut) continue;
        const group = `lock-${device}`;
        if (why === null) notices.show({ group, text: { key: `notice.free.${device}` } });
        // A meeting at rest says so itself.
        else if (state.restingSince === null)
          notices.show({ group, level: "warning", text: { key: `why.${why}.${device}` } });
      }
    },
    failed(which, error, wanted) {
      if (ended() || !wanted) return;
      const named = (name: string) => error instanceof Error && error.name === name;
      if (named("BackgroundError")) {
        const text = { key: "notice.background.failed" } as const;
        return void notices.show({ group: "background-failed", level: "error", text });
      }
      const denied = named("NotAllowedError");
      // Closing the browser's picker is an answer, not a fault.
      if (which === "screen" && denied) return;
      const key =
        denied && which !== "screen"
          ? (`notice.denied.${which}` as const)
          : (`notice.failed.${which}` as const);
      notices.show({ group: `failed-${which}`, level: "error", text: { key } });
    },
  };
}
