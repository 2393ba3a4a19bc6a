/** The ten locks as the sheet shows them, and how each stands: pure, without React. */
import { lockStanding, type LockStanding } from "../../session/rights";
import type { LockName, Person, RoomState } from "../../wire/types";

export const LOCK_GROUPS = [
  { id: "heard", locks: ["microphone", "webcam", "screenSharing"] },
  { id: "writing", locks: ["chat", "chatSend", "chatFile", "privateChat"] },
  { id: "together", locks: ["whiteboard", "notepad", "reactions"] },
] as const satisfies readonly { readonly id: string; readonly locks: readonly LockName[] }[];

/** Who has a setting of their own that differs from the room's. */
export function exceptions(
  people: Iterable<Person>,
  room: RoomState,
  lock: LockName,
): readonly Person[] {
  return [...people].filter(
    (person) => !person.waiting && lockStanding(person, room, lock).from === "person",
  );
}

/** What to say about one lock of one person. */
export type StandingWord =
  "exempt" | "lockedByRoom" | "freeByRoom" | "lockedForPerson" | "freeForPerson";

export function standingWord({ locked, from, exempt }: LockStanding): StandingWord {
  if (exempt) return "exempt";
  if (from === "person") return locked ? "lockedForPerson" : "freeForPerson";
  return locked ? "lockedByRoom" : "freeByRoom";
}
