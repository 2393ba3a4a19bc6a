/** The polls of a meeting as the server tells them, and what this person does with them. */
import {
  decodeCsv,
  decodeDetails,
  decodePolls,
  decodePollYes,
  decodeResult,
  decodeVote,
  decodeYes,
  encodePollResponse,
  pollAsks,
  POLL_RESPONSE,
  Refused,
  type NewPoll,
  type Poll,
  type PollResult,
  type Respondent,
  type Vote,
} from "../../wire/activities";
import type { Outcome } from "../../wire/encode";
import type { ActivityNews, Session } from "../session";
import { createStore, type Readable } from "../store";

export interface PollsState {
  readonly loaded: boolean;
  readonly polls: readonly Poll[];
  readonly votes: ReadonlyMap<string, Vote>;
  /** Counts this person may see by now. */
  readonly results: ReadonlyMap<string, PollResult>;
}

export interface Polls extends Readable<PollsState> {
  refresh(): void;
  create(poll: NewPoll): Promise<Outcome>;
  vote(poll: Poll, options: readonly number[]): Promise<Outcome>;
  close(poll: Poll): Promise<Outcome>;
  /** Who chose what; for hosts. */
  details(poll: Poll): Promise<readonly Respondent[]>;
  /** Counts and answers as a table, of one poll or of all; for hosts. Throws `Refused` with the server's reason. */
  csv(poll: Poll | null): Promise<Uint8Array>;
  hear(news: ActivityNews): boolean;
  /** Fetches them where there are any; returns the way to end, for good. */
  begin(): () => void;
}

/** Votes that come together cost one look at the counts. */
const LOOK_MS = 800;

const EMPTY: PollsState = { loaded: false, polls: [], votes: new Map(), results: new Map() };

/** Running polls this person has not answered. */
export const openPolls = ({ polls, votes }: PollsState): number =>
  polls.filter(({ running, id }) => running && votes.get(id)?.given !== true).length;

export function createPolls(session: Session, onNew: () => void): Polls {
  const store = createStore<PollsState>(EMPTY);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let disposed = false;

  const isHost = () => {
    const me = session.me();
    return me !== null && (session.people.getSnapshot().get(me)?.isAdmin ?? false);
  };
  const roomId = () => session.room.getSnapshot()?.id ?? "";

  async function load(): Promise<void> {
    const me = session.me();
    if (me === null || disposed) return;
    const polls = decodePolls(await session.ask(pollAsks.list()));
    const known = store.getSnapshot();
    const votes = new Map(known.votes);
    const results = new Map<string, PollResult>();
    await Promise.all(
      polls.map(async (poll) => {
        if (poll.running && !votes.get(poll.id)?.given) {
          votes.set(poll.id, decodeVote(await session.ask(pollAsks.mine(poll.id, me))));
        }
        const result = await resultOf(poll, known);
        if (result) results.set(poll.id, result);
      }),
    );
    if (!disposed) store.set({ loaded: true, polls, votes, results });
  }

  async function resultOf(poll: Poll, known: PollsState): Promise<PollResult | null> {
    const before = known.polls.find(({ id }) => id === poll.id);
    const had = known.results.get(poll.id);
    // A closed poll does not change any more.
    if (had && before && !before.running) return had;
    if (poll.running && !poll.live && !isHost()) return null;
    return decodeResult(await session.ask(pollAsks.result(poll.id)));
  }

  /** What cannot be fetched now is fetched with the next news. */
  const refresh = () => void load().catch(() => undefined);

  async function outcome(act: () => Promise<void>): Promise<Outcome> {
    try {
      await act();
      refresh();
      return { ok: true, reason: "" };
    } catch (error) {
      return { ok: false, reason: error instanceof Refused ? error.message : "" };
    }
  }

  const soon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      refresh();
    }, LOOK_MS);
  };

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    refresh,
    create: (poll) =>
      outcome(async () => {
        if (!session.room.getSnapshot()?.state.activities.polls.active) {
          decodeYes(await session.ask(pollAsks.activate(roomId(), true)));
        }
        decodePollYes(await session.ask(pollAsks.create(roomId(), poll)));
      }),
    vote: (poll, options) =>
      outcome(async () => {
        const me = session.me();
        if (me === null) return;
        decodePollYes(await session.ask(pollAsks.vote(roomId(), poll.id, me, options)));
        const votes = new Map(store.getSnapshot().votes).set(poll.id, { given: true, options });
        store.update((now) => ({ ...now, votes }));
        session.publishData(encodePollResponse(me, poll.id));
      }),
    close: (poll) =>
      outcome(async () => decodePollYes(await session.ask(pollAsks.close(roomId(), poll.id)))),
    details: async (poll) => decodeDetails(await session.ask(pollAsks.details(poll.id))),
    csv: async (poll) => decodeCsv(await session.ask(pollAsks.csv(poll?.id ?? null))),
    hear(news) {
      if (news.kind === "data") {
        if (news.data.type !== POLL_RESPONSE) return false;
        soon();
        return true;
      }
      if (news.what !== "poll-created" && news.what !== "poll-closed") return false;
      if (news.what === "poll-created") onNew();
      refresh();
      return true;
    },
    begin() {
      if (session.room.getSnapshot()?.state.activities.polls.active) refresh();
      return () => {
        disposed = true;
        clearTimeout(timer);
      };
    },
  };
}
