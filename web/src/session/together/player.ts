/** What plays for everybody and where in it everybody should be. The presenter leads, the others follow. */
import {
  decodePlayerEvent,
  decodeYes,
  encodePlayerEvent,
  playerAsk,
  PLAYER_EVENT,
  Refused,
  type PlayerEvent,
} from "../../wire/activities";
import type { Outcome } from "../../wire/encode";
import type { ActivityNews, Session } from "../session";
import { createStore, type Readable } from "../store";

/** Where the presenter was, and when. */
export interface Playhead {
  readonly playing: boolean;
  /** Seconds. */
  readonly position: number;
  /** Milliseconds of this machine's clock. */
  readonly at: number;
}

export interface Player extends Readable<Playhead> {
  /** Starts an address for everybody, or with `null` stops what plays. */
  play(url: string | null): Promise<Outcome>;
  /** The presenter's player did something. */
  lead(event: PlayerEvent): void;
  hear(news: ActivityNews): boolean;
  /** Begins to listen; returns the way to end, for good. */
  begin(): () => void;
}

const STILL: Playhead = { playing: false, position: 0, at: 0 };

/** Further off than this is jumped to, less is caught up with; within the last nobody hears a difference. */
const JUMP_S = 1.5;
const IN_STEP_S = 0.15;
const CATCH_UP = 0.06;

/** Where a follower should be now, in seconds. */
export const positionNow = ({ playing, position, at }: Playhead, now: number): number =>
  playing ? position + Math.max(0, now - at) / 1_000 : position;

/** What brings a player that is at `is` to where it should be. */
export function correction(
  is: number,
  should: number,
  playing: boolean,
): { readonly seek: number | null; readonly rate: number } {
  const behind = should - is;
  if (Math.abs(behind) > JUMP_S || (!playing && Math.abs(behind) > IN_STEP_S)) {
    return { seek: should, rate: 1 };
  }
  if (!playing || Math.abs(behind) <= IN_STEP_S) return { seek: null, rate: 1 };
  return { seek: null, rate: behind > 0 ? 1 + CATCH_UP : 1 - CATCH_UP };
}

export function createPlayer(session: Session): Player {
  const store = createStore<Playhead>(STILL);
  const film = () => session.room.getSnapshot()?.state.activities.player.url ?? null;

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    async play(next) {
      const roomId = session.room.getSnapshot()?.id ?? "";
      try {
        decodeYes(await session.ask(playerAsk(roomId, next)));
        return { ok: true, reason: "" };
      } catch (error) {
        return { ok: false, reason: error instanceof Refused ? error.message : "" };
      }
    },
    lead(event) {
      const me = session.me();
      if (me !== null) session.publishData(encodePlayerEvent(me, event));
    },
    hear(news) {
      if (news.kind !== "data" || news.data.type !== PLAYER_EVENT) return false;
      const { from, text } = news.data;
      const event = decodePlayerEvent(text);
      if (!event || from === session.me() || !session.people.getSnapshot().get(from)?.isPresenter) {
        return true;
      }
      store.update(({ playing }) => ({
        playing: event.action === "seeked" ? playing : event.action === "play",
        position: event.seekTo,
        at: Date.now(),
      }));
      return true;
    },
    begin() {
      let url = film();
      return session.room.subscribe(() => {
        const next = film();
        // Another film begins at its beginning.
        if (next !== url) store.set(STILL);
        url = next;
      });
    },
  };
}
