/**
 * What hosts do to the meeting and to the people in it. Every verb asks the server, which decides; a refusal
 * is said in its words. Loaded with the meeting, not before.
 */
import { getI18n } from "react-i18next";
import {
  ALL,
  approveRequest,
  externalLinkRequest,
  lockRequest,
  muteRequest,
  presenterRequest,
  removeRequest,
  waitingMessageRequest,
  type Request,
  type RoomKeys,
  type Target,
} from "../wire/moderation";
import type { LockName, ParticipantId, Person } from "../wire/types";
import { wishId, type Wish } from "./asking";
import type { Session } from "./session";

export { ALL, type Target };

export interface Moderation {
  /** All these verbs say whether it worked, after whoever asked was told that it did not. */
  lock(lock: LockName, on: boolean, who: Target): Promise<boolean>;
  mute(who: Target): Promise<boolean>;
  /** Pauses one track of somebody: their camera, their screen. */
  stop(who: ParticipantId, track: string): Promise<boolean>;
  /** Asks somebody to do something themselves. */
  askTo(wish: Wish, who: ParticipantId): void;
  lowerHands(who: readonly ParticipantId[]): void;
  makePresenter(who: ParticipantId, on: boolean): Promise<boolean>;
  remove(who: Person, block: boolean): Promise<boolean>;
  admit(who: readonly ParticipantId[]): Promise<boolean>;
  sayToWaiting(words: string): Promise<boolean>;
  showLink(url: string): Promise<boolean>;
  hideLink(): Promise<boolean>;
}

type Asker = Pick<Session, "room" | "ask" | "notices" | "tell" | "lowerHandOf">;

export function createModeration(session: Asker): Moderation {
  const ask = async (request: (room: RoomKeys) => Request): Promise<boolean> => {
    const room = session.room.getSnapshot();
    if (!room) return false;
    const { ok, reason } = await session.ask(request({ roomId: room.id, sid: room.sid }));
    if (!ok) {
      const text = reason === "" ? ({ key: "host.failed" } as const) : { plain: reason };
      session.notices.show({ group: "host-failed", level: "error", text });
    }
    return ok;
  };
  return {
    lock: (lock, on, who) => ask((room) => lockRequest(room, lock, on, who)),
    mute: (who) => ask((room) => muteRequest(room, who)),
    stop: (who, track) => ask((room) => muteRequest(room, who, track)),
    askTo(wish, who) {
      session.tell(who, getI18n().t(`host.words.${wish}`), wishId(wish));
      session.notices.show({ group: "host-asked", passing: true, text: { key: "host.asked" } });
    },
    lowerHands: (all) => all.forEach((who) => session.lowerHandOf(who)),
    makePresenter: (who, on) => ask((room) => presenterRequest(room, who, on)),
    remove: ({ id, waiting }, block) => ask((room) => removeRequest(room, id, { waiting, block })),
    async admit(all) {
      // One after the other, in the order they came: whoever has waited longest is in first.
      for (const who of all) if (!(await ask((room) => approveRequest(room, who)))) return false;
      return true;
    },
    sayToWaiting: (words) => ask((room) => waitingMessageRequest(room, words)),
    showLink: (url) => ask((room) => externalLinkRequest(room, url)),
    hideLink: () => ask((room) => externalLinkRequest(room, null)),
  };
}
