/**
 * What hosts do to the meeting and to the people in it. Every verb asks the server, which decides; a refusal
 * is said in its words. Loaded with the meeting, not before.
 */
import { decodeCommon } from "../wire/encode";
import type { HostedDevice } from "../wire/host-notice";
import * as wire from "../wire/moderation";
import type { BlockedPerson, Request, RoomKeys, Target } from "../wire/moderation";
import type { LockName, ParticipantId, Person } from "../wire/types";
import type { Panel } from "./prefs";
import { refusalText } from "./refusal-text";
import type { Session } from "./session";

export { ALL, type BlockedPerson, type Target } from "../wire/moderation";

/** These verbs say whether it worked, after whoever asked was told that it did not. */
export interface Moderation {
  lock(lock: LockName, on: boolean, who: Target): Promise<boolean>;
  mute(who: ParticipantId): Promise<boolean>;
  /** Attendees, and if wished the other hosts. */
  muteAll(hostsToo: boolean): Promise<boolean>;
  allowSelfUnmute(allowed: boolean): Promise<boolean>;
  /** Takes off the air what somebody shows. */
  stop(who: ParticipantId, device: "camera" | "screen"): Promise<boolean>;
  /** Asks somebody to turn something on themselves. */
  askFor(device: HostedDevice, who: ParticipantId): Promise<boolean>;
  lowerHand(who: Target): void;
  makePresenter(who: ParticipantId, on: boolean): Promise<boolean>;
  /** Who is large for everybody, in this order; nobody ends it. */
  spotlight(who: readonly ParticipantId[]): Promise<boolean>;
  remove(who: Person, block: boolean): Promise<boolean>;
  admit(who: readonly ParticipantId[]): Promise<boolean>;
  sayToWaiting(words: string): Promise<boolean>;
  /** Whether newcomers wait. */
  lobby(on: boolean): Promise<boolean>;
  /** Everything quiet at once, and back as it was. */
  rest(on: boolean): Promise<boolean>;
  /** Who may not come back, latest first; `null` when that cannot be had. */
  blocked(): Promise<readonly BlockedPerson[] | null>;
  unblock(who: ParticipantId): Promise<boolean>;
  showLink(url: string): Promise<boolean>;
  hideLink(): Promise<boolean>;
}

type Asker = Pick<Session, "room" | "ask" | "notices" | "lowerHandOf">;

export function createModeration(session: Asker): Moderation {
  const refused = (reason: string, panel: Panel | null = null) => {
    const text = refusalText(reason, "host.failed");
    session.notices.show({ group: "host-failed", level: "error", text, panel });
  };
  /** `panel` is where what was asked for stands. */
  const ask = async (
    request: (room: RoomKeys) => Request,
    panel: Panel | null = null,
  ): Promise<boolean> => {
    const room = session.room.getSnapshot();
    if (!room) return false;
    const { ok, reason } = await session
      .ask(request({ roomId: room.id, sid: room.sid }))
      .then(decodeCommon)
      .catch(() => ({ ok: false, reason: "" }));
    if (!ok) refused(reason, panel);
    return ok;
  };
  return {
    lock: (lock, on, who) => ask((room) => wire.lockRequest(room, lock, on, who)),
    mute: (who) => ask((room) => wire.muteRequest(room, who)),
    muteAll: (hostsToo) => ask(() => wire.muteAllRequest(hostsToo)),
    allowSelfUnmute: (allowed) => ask(() => wire.selfUnmuteRequest(allowed)),
    stop: (who, device) => ask(() => wire.stopRequest(who, device)),
    async askFor(device, who) {
      const asked = await ask(() => wire.askRequest(who, device));
      const text = { key: "host.asked" } as const;
      if (asked) session.notices.show({ group: "host-asked", passing: true, text });
      return asked;
    },
    lowerHand: (who) => session.lowerHandOf(who),
    makePresenter: (who, on) => ask((room) => wire.presenterRequest(room, who, on)),
    spotlight: (who) => ask(() => wire.spotlightRequest(who)),
    remove: ({ id, waiting }, block) =>
      ask((room) => wire.removeRequest(room, id, { waiting, block })),
    async admit(all) {
      // One after the other, in the order they came: whoever has waited longest is in first.
      for (const who of all) {
        if (!(await ask((room) => wire.approveRequest(room, who)))) return false;
      }
      return true;
    },
    sayToWaiting: (words) => ask((room) => wire.waitingMessageRequest(room, words), "waiting"),
    lobby: (on) => ask(() => wire.lobbyRequest(on)),
    rest: (on) => ask(() => wire.panicRequest(on)),
    async blocked() {
      const answer = await session
        .ask(wire.blockedRequest())
        .then(wire.decodeBlocked)
        .catch(() => ({ reason: "" }));
      if ("people" in answer) return answer.people;
      refused(answer.reason);
      return null;
    },
    unblock: (who) => ask(() => wire.unblockRequest(who)),
    showLink: (url) => ask((room) => wire.externalLinkRequest(room, url)),
    hideLink: () => ask((room) => wire.externalLinkRequest(room, null)),
  };
}
