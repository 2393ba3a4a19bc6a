/** Breakout rooms: seen from the main room by hosts and guests, and from inside one. */
import {
  breakoutAsks,
  BREAKOUT_PUSH,
  decodeBreakoutYes,
  decodeJoin,
  decodeMyRoom,
  decodeRooms,
  Refused,
  type BreakoutRoom,
  type NewBreakout,
} from "../../wire/activities";
import type { Outcome } from "../../wire/encode";
import type { ParticipantId } from "../../wire/types";
import type { ActivityNews, Session } from "../session";
import { createStore, type Readable } from "../store";

export interface BreakoutState {
  readonly loaded: boolean;
  /** All of them for hosts, and for everybody where one chooses oneself. */
  readonly rooms: readonly BreakoutRoom[];
  /** Where this person was asked to go. */
  readonly mine: BreakoutRoom | null;
}

export interface Breakouts extends Readable<BreakoutState> {
  refresh(): void;
  create(wish: NewBreakout): Promise<Outcome>;
  extend(room: BreakoutRoom, minutes: number): Promise<Outcome>;
  end(room: BreakoutRoom): Promise<Outcome>;
  endAll(): Promise<Outcome>;
  /** Everybody sees how long it still is; the server counts, whoever is there. */
  endSoon(): Promise<Outcome>;
  keepOpen(): Promise<Outcome>;
  tell(words: string): Promise<Outcome>;
  /** Invites somebody to another room; `null` is the main room. */
  move(who: ParticipantId, to: string | null): Promise<Outcome>;
  help(withdrawn: boolean): Promise<Outcome>;
  /** What lets this person into a room, or the server's reason why not. */
  tokenFor(roomId: string): Promise<{ readonly token: string } | { readonly reason: string }>;
  hear(news: ActivityNews): boolean;
  /** Begins to listen, and to look again and again; returns the way to end, for good. */
  begin(): () => void;
}

/** How often the list is looked at while there are rooms. */
const LOOK_MS = 10_000;
/** A way back must be at hand when the room ends, and a token does not last for ever. */
const WAY_BACK_MS = 3 * 60_000;
const COUNTDOWN_S = 60;

const EMPTY: BreakoutState = { loaded: false, rooms: [], mine: null };

/** When a countdown ends rooms, in milliseconds of the server's clock: the last of them, if all count down. */
export function closingAt({ rooms }: BreakoutState): number | null {
  const ends = rooms.flatMap((room) => room.closesAt ?? []);
  return ends.length > 0 && ends.length === rooms.length ? Math.max(...ends) : null;
}

/** Rooms that asked for a host who has not come yet. */
export const callsForHelp = ({ rooms }: BreakoutState): number =>
  rooms.filter(({ helpAskedAt }) => helpAskedAt !== null).length;

export interface BreakoutHooks {
  /** This person is asked into a room, or back to the main one. */
  onInvited(roomId: string): void;
  /** A token for the main room, fresh. */
  onWayBack(token: string): void;
}

export function createBreakouts(session: Session, hooks: BreakoutHooks): Breakouts {
  const store = createStore<BreakoutState>(EMPTY);
  let disposed = false;

  const state = () => session.room.getSnapshot()?.state.activities.breakout;
  const roomId = () => session.room.getSnapshot()?.id ?? "";

  async function load(): Promise<void> {
    if (disposed || (state()?.parent && !hosts())) return;
    const [rooms, mine] = await Promise.all([
      // Guests are refused where hosts assign the rooms; they see their own only.
      session
        .ask(breakoutAsks.list())
        .then(decodeRooms)
        .catch(() => []),
      session
        .ask(breakoutAsks.mine())
        .then(decodeMyRoom)
        .catch(() => null),
    ]);
    if (!disposed) store.update((now) => ({ ...now, loaded: true, rooms, mine }));
  }

  const refresh = () => void load().catch(() => undefined);

  async function outcome(act: () => Promise<Uint8Array>): Promise<Outcome> {
    try {
      decodeBreakoutYes(await act());
      refresh();
      return { ok: true, reason: "" };
    } catch (error) {
      return { ok: false, reason: error instanceof Refused ? error.message : "" };
    }
  }

  async function tokenFor(id: string) {
    const me = session.me();
    if (me === null) return { reason: "" };
    try {
      return { token: decodeJoin(await session.ask(breakoutAsks.join(roomId(), id, me))) };
    } catch (error) {
      return { reason: error instanceof Refused ? error.message : "" };
    }
  }

  async function keepWayBack(): Promise<void> {
    const parent = state()?.parent;
    if (!parent) return;
    const answer = await tokenFor(parent);
    if ("token" in answer && !disposed) hooks.onWayBack(answer.token);
  }

  /** Whether hosts run the rooms from here: the main room, and every breakout room they visit. */
  const hosts = () => {
    const me = session.me();
    return me !== null && (session.people.getSnapshot().get(me)?.isAdmin ?? false);
  };

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    refresh,
    create: (wish) => outcome(() => session.ask(breakoutAsks.create(roomId(), wish))),
    extend: (room, minutes) =>
      outcome(() => session.ask(breakoutAsks.extend(roomId(), room.id, minutes))),
    end: (room) => outcome(() => session.ask(breakoutAsks.end(roomId(), room.id))),
    endAll: () => outcome(() => session.ask(breakoutAsks.endAll(roomId()))),
    endSoon: () => outcome(() => session.ask(breakoutAsks.closeIn(COUNTDOWN_S))),
    keepOpen: () => outcome(() => session.ask(breakoutAsks.keepOpen())),
    tell: (words) => outcome(() => session.ask(breakoutAsks.tell(roomId(), words))),
    move: (who, to) => outcome(() => session.ask(breakoutAsks.move(who, to ?? ""))),
    help: (withdrawn) => outcome(() => session.ask(breakoutAsks.help(withdrawn))),
    tokenFor,
    hear(news) {
      if (news.kind === "data") {
        if (news.data.type !== BREAKOUT_PUSH) return false;
        const from = session.people.getSnapshot().get(news.data.from);
        if (news.privately && from?.isAdmin) hooks.onInvited(news.data.text);
        return true;
      }
      if (news.what === "breakout-invited") hooks.onInvited(news.text);
      else if (news.what !== "breakout-ended") return false;
      refresh();
      return true;
    },
    begin() {
      const looking = setInterval(() => {
        const concerns = state()?.active || (state()?.parent && hosts());
        if (concerns && session.line.getSnapshot() === "good") refresh();
      }, LOOK_MS);
      const returning = setInterval(() => void keepWayBack(), WAY_BACK_MS);
      void keepWayBack();
      let wasActive = state()?.active ?? false;
      if (wasActive) refresh();
      const stop = session.room.subscribe(() => {
        const active = state()?.active ?? false;
        if (active !== wasActive) refresh();
        wasActive = active;
      });
      return () => {
        disposed = true;
        stop();
        clearInterval(looking);
        clearInterval(returning);
      };
    },
  };
}
