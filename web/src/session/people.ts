/** Who is in the meeting, as the server tells it. */
import type { PersonState } from "../wire/decode";
import type { ParticipantId, Person } from "../wire/types";
import { createStore, type Readable } from "./store";

/** Bots that record or stream the meeting. They see everything and are seen by nobody. */
const BOTS: ReadonlySet<string> = new Set(["RECORDER_BOT", "RTMP_BOT"]);

export const isBot = (id: ParticipantId): boolean => BOTS.has(id);

export type People = ReadonlyMap<ParticipantId, Person>;

export interface PeopleStore extends Readable<People> {
  /** Someone is here, or here again. Says whether they are new. */
  arrive(person: Person): boolean;
  disconnect(id: ParticipantId): void;
  leave(id: ParticipantId): Person | undefined;
  change(id: ParticipantId, state: PersonState): void;
  /** The server's full list: adds who is missing, drops who is gone, except `me`. */
  sync(list: readonly Person[], me: ParticipantId): void;
}

export function createPeopleStore(): PeopleStore {
  const store = createStore<People>(new Map());
  const edit = (change: (people: Map<ParticipantId, Person>) => void) => {
    const next = new Map(store.getSnapshot());
    change(next);
    store.set(next);
  };
  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    arrive(person) {
      if (isBot(person.id)) return false;
      const isNew = !store.getSnapshot().has(person.id);
      edit((people) => people.set(person.id, { ...person, online: true }));
      return isNew;
    },
    disconnect(id) {
      const known = store.getSnapshot().get(id);
      if (known?.online) edit((people) => people.set(id, { ...known, online: false }));
    },
    leave(id) {
      const known = store.getSnapshot().get(id);
      if (known) edit((people) => people.delete(id));
      return known;
    },
    change(id, state) {
      const known = store.getSnapshot().get(id);
      if (known) edit((people) => people.set(id, { ...known, ...state }));
    },
    sync(list, me) {
      edit((people) => {
        const present = new Set(list.map(({ id }) => id));
        for (const id of people.keys()) if (id !== me && !present.has(id)) people.delete(id);
        for (const person of list) if (!isBot(person.id)) people.set(person.id, person);
      });
    },
  };
}

const byName = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });

/** How many are in the meeting; who waits outside is not. */
export function countPresent(people: People): number {
  let count = 0;
  for (const { waiting } of people.values()) if (!waiting) count += 1;
  return count;
}

/** Who waits outside, first come first. */
export function waitingQueue(people: People): readonly Person[] {
  return [...people.values()]
    .filter(({ waiting, online }) => waiting && online)
    .toSorted((a, b) => since(a) - since(b) || compareIds(a, b));
}

const since = ({ waitsSince, joinedAt }: Person): number => waitsSince ?? joinedAt;

export const countWaiting = (people: People): number => waitingQueue(people).length;

/**
 * Whom this person may know of. The server tells nobody else in a room that hides attendees from each other;
 * whoever was known before a role changed must not stay.
 */
export function visiblePeople(people: People, me: Person | undefined, viewAll: boolean): People {
  if (viewAll || !me || me.isAdmin) return people;
  return new Map([...people].filter(([id, { isAdmin }]) => id === me.id || isAdmin));
}

/** For the stage: moderators, me, then the others by arrival. Nobody moves when they speak. */
export function stageOrder(people: People, me: ParticipantId): readonly Person[] {
  const rank = (p: Person) => (p.id === me ? 1 : p.isAdmin ? 0 : 2);
  return [...people.values()]
    .filter(({ waiting }) => !waiting)
    .toSorted((a, b) => rank(a) - rank(b) || a.joinedAt - b.joinedAt || compareIds(a, b));
}

/** For the list: waiting in the order they came, raised hands oldest first, then me, then names. */
export function listOrder(people: People, me: ParticipantId): readonly Person[] {
  const rank = (p: Person) => (p.waiting ? 0 : p.handRaisedAt !== null ? 1 : p.id === me ? 2 : 3);
  return [...people.values()].toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      (a.waiting ? since(a) - since(b) : (a.handRaisedAt ?? 0) - (b.handRaisedAt ?? 0)) ||
      byName.compare(a.name, b.name) ||
      compareIds(a, b),
  );
}

/** Raised hands, oldest first: the position everybody sees. */
export function handQueue(people: People): readonly ParticipantId[] {
  return [...people.values()]
    .filter((p) => p.handRaisedAt !== null && !p.waiting)
    .toSorted((a, b) => (a.handRaisedAt ?? 0) - (b.handRaisedAt ?? 0) || compareIds(a, b))
    .map(({ id }) => id);
}

const compareIds = (a: Person, b: Person): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
