/**
 * What somebody may do, as pure functions of the room and the person. The server decides; this mirrors
 * its rules so that a refusal can be explained before it happens.
 */
import type { LockName, Person, RoomState } from "../wire/types";

/**
 * Why something is not possible: nobody may here, only hosts may, a host has locked it for everybody, or
 * for this person alone, or only towards other people, hosts say who speaks, or the browser cannot.
 */
export const REFUSALS = [
  "off",
  "hostsOnly",
  "locked",
  "lockedYou",
  "lockedPrivate",
  "held",
  "unsupported",
] as const;
export type Refusal = (typeof REFUSALS)[number];

export type Right = { readonly ok: true } | { readonly ok: false; readonly why: Refusal };

const YES: Right = { ok: true };
const no = (why: Refusal): Right => ({ ok: false, why });

/** A lock as it stands for one person, and whose setting that is. */
export interface LockStanding {
  readonly locked: boolean;
  /** The room's, or one of their own that differs from it. */
  readonly from: "room" | "person";
  /** Hosts are never locked, except on the board. */
  readonly exempt: boolean;
}

/** The user's own lock if there is one, else the room's. */
export function lockStanding(person: Person, room: RoomState, lock: LockName): LockStanding {
  const everybody = room.defaultLocks[lock] ?? false;
  const exempt = person.isAdmin && lock !== "whiteboard";
  const locked = exempt ? false : (person.locks[lock] ?? everybody);
  return { locked, exempt, from: exempt || locked === everybody ? "room" : "person" };
}

export const isLocked = (person: Person, room: RoomState, lock: LockName): boolean =>
  lockStanding(person, room, lock).locked;

/** Free of all these locks, or the first that holds. */
function unlocked(me: Person, room: RoomState, ...locks: readonly LockName[]): Right {
  for (const lock of locks) {
    const { locked, from } = lockStanding(me, room, lock);
    if (locked) return no(from === "room" ? "locked" : "lockedYou");
  }
  return YES;
}

/** Whether a lock on something is why it is refused, whoever it is for. */
export const isLockRefusal = (why: Refusal): why is "locked" | "lockedYou" | "held" =>
  why === "locked" || why === "lockedYou" || why === "held";

export function mayUseMicrophone(me: Person, room: RoomState): Right {
  if (me.held && !me.isAdmin) return no("held");
  return unlocked(me, room, "microphone");
}

export function mayUseCamera(me: Person, room: RoomState): Right {
  if (!room.features.webcams) return no("off");
  if (room.features.adminOnlyWebcams && !me.isAdmin) return no("hostsOnly");
  return unlocked(me, room, "webcam");
}

export function mayShareScreen(me: Person, room: RoomState, browserCan: boolean): Right {
  if (!browserCan) return no("unsupported");
  if (!room.features.screenShare) return no("off");
  return unlocked(me, room, "screenSharing");
}

/** The same for any of the three; what the browser cannot, it says itself. */
export function mayUse(
  device: "microphone" | "camera" | "screen",
  me: Person,
  room: RoomState,
): Right {
  switch (device) {
    case "microphone":
      return mayUseMicrophone(me, room);
    case "camera":
      return mayUseCamera(me, room);
    case "screen":
      return mayShareScreen(me, room, true);
    default:
      return device satisfies never;
  }
}

export function mayRaiseHand(room: RoomState): Right {
  return room.features.raiseHand ? YES : no("off");
}

export function mayReact(me: Person, room: RoomState): Right {
  return room.features.reactions ? unlocked(me, room, "reactions") : no("off");
}

export function mayChat(me: Person, room: RoomState): Right {
  if (!room.features.chat) return no("off");
  return unlocked(me, room, "chat", "chatSend");
}

/** Hosts may always be written to while only private chat is locked. */
export function mayWriteTo(me: Person, other: Person, room: RoomState): Right {
  if (!room.features.chat) return no("off");
  if (me.isAdmin) return YES;
  const writing = unlocked(me, room, "chat");
  if (!writing.ok) return writing;
  if (isLocked(me, room, "privateChat") && !other.isAdmin) return no("lockedPrivate");
  return YES;
}
