/** Values that tests begin from; each says only what matters to it. */
import type { Poll } from "../src/wire/activities";
import { locksFrom } from "../src/wire/decode";
import { participantId, type Person } from "../src/wire/types";

/** Ben, an attendee like any other. */
export const personWith = (part: Partial<Person> = {}): Person => ({
  id: participantId("ben"),
  name: "Ben",
  isAdmin: false,
  isPresenter: false,
  joinedAt: 0,
  online: true,
  handRaisedAt: null,
  waiting: false,
  locks: locksFrom(undefined),
  held: false,
  preferredLanguage: null,
  waitsSince: null,
  note: "",
  ...part,
});

/** A running poll with two answers, of which both may be chosen. */
export const pollWith = (part: Partial<Poll> = {}): Poll => ({
  id: "tea",
  question: "Tea or coffee?",
  options: [
    { id: 1, text: "Tea" },
    { id: 2, text: "Coffee" },
  ],
  running: true,
  createdAt: 1,
  multiple: true,
  anonymous: false,
  live: false,
  responses: 0,
  ...part,
});

/** What a browser stores for a page or a tab, without one. */
export function createFakeStorage(): Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  const all = new Map<string, string>();
  return {
    getItem: (key) => all.get(key) ?? null,
    setItem: (key, value) => void all.set(key, value),
    removeItem: (key) => void all.delete(key),
  };
}
