/** The way out of a breakout room: when it ends, when it cannot be entered, and after a reload. */
import { forget, keep, kept, type Store } from "../../kit/tab-storage";
import type { EndCode, EndReason } from "../../session/errors";
import type { NoticeText } from "../../session/notices";
import type { Session } from "../../session/session";

export interface WayBack {
  /** What lets one into the main room; `null` in the main room itself. */
  token(): string | null;
  /** A newer one. */
  renew(token: string): void;
  /** Whether this person has been in the meeting during this visit. */
  wasIn(): boolean;
  /** What leads on after such an end of the visit; `null` where one stays with it. */
  after(reason: EndReason): string | null;
}

const OVER: ReadonlySet<EndCode> = new Set(["room-ended", "ended-by-you", "time-over"]);
/** Ends of a room one was in after which one goes on in the main room; whoever is out of that as well learns it there. */
const ENDS_A_ROOM: ReadonlySet<EndCode> = new Set([...OVER, "removed"]);
/** Ends on the way in that are as this person wants it: gone, or in the meeting somewhere else. */
const WANTED: ReadonlySet<EndCode> = new Set(["left", "duplicate"]);

export function createWayBack(
  { phase }: Pick<Session, "phase">,
  known: string | null,
  onRenewed: (token: string) => void,
): WayBack {
  let token = known;
  const isIn = () => phase.getSnapshot().at === "meeting";
  let wasIn = isIn();
  phase.subscribe(() => {
    wasIn ||= isIn();
  });
  return {
    token: () => token,
    renew(next) {
      token = next;
      onRenewed(next);
    },
    wasIn: () => wasIn,
    after({ code }) {
      const goesOn = wasIn ? ENDS_A_ROOM.has(code) : !WANTED.has(code);
      return goesOn ? token : null;
    },
  };
}

/** Why somebody is in the main room who did not go there. */
export function whyBack({ code }: EndReason, wasIn: boolean): NoticeText | null {
  if (wasIn) return code === "removed" ? { key: "breakout.sentOut" } : null;
  if (code === "room-full") return { key: "breakout.notEntered.full" };
  if (code === "room-not-active" || OVER.has(code)) return { key: "breakout.notEntered.over" };
  return { key: "breakout.notEntered.other", values: { why: { keyed: `ended.${code}.title` } } };
}

const KEY = "plenum.way-back";

/** Keeps through a reload what leads out of the room that `token` leads into. */
export function keepWayBack(storage: Store | null, token: string, back: string | null): void {
  if (back === null) forget(storage, KEY);
  else keep(storage, KEY, { token, back });
}

/** `null` where nothing leads out, or out of another room only. */
export function keptWayBack(storage: Pick<Store, "getItem"> | null, token: string): string | null {
  const raw = kept(storage, KEY);
  if (typeof raw !== "object" || raw === null) return null;
  const { token: of, back } = raw as Record<string, unknown>;
  return of === token && typeof back === "string" ? back : null;
}
