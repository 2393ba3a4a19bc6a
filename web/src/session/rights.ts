/**
 * What somebody may do, as pure functions of the room and the person. The server decides; this mirrors
 * its rules so that a refusal can be explained before it happens.
 */
import type { LockName, Person, RoomState } from "../wire/types";

/**
 * Why something is not possible: nobody may here, only hosts may, the host has locked it for this person
 * (or only towards other people), or the browser cannot.
 */
export const REFUSALS = ["off", "hostsOnly", "locked", "lockedPrivate", "unsupported"] as const;
export type Refusal = (typeof REFUSALS)[number];

export type Right = { readonly ok: true } | { readonly ok: false; readonly why: Refusal };

const YES: Right = { ok: true };
const no = (why: Refusal): Right => ({ ok: false, why });

/** The user's own lock if there is one, else the room's. Moderators are exempt except on the board. */
export function isLocked(person: Person, room: RoomState, lock: LockName): boolean {
  if (person.isAdmin && lock !== "whiteboard") return false;
  return person.locks[lock] ?? room.defaultLocks[lock] ?? false;
}

export function mayUseMicrophone(me: Person, room: RoomState): Right {
  return isLocked(me, room, "microphone") ? no("locked") : YES;
}

export function mayUseCamera(me: Person, room: RoomState): Right {
  if (!room.features.webcams) return no("off");
  if (room.features.adminOnlyWebcams && !me.isAdmin) return no("hostsOnly");
  return isLocked(me, room, "webcam") ? no("locked") : YES;
}

export function mayShareScreen(me: Person, room: RoomState, browserCan: boolean): Right {
  if (!browserCan) return no("unsupported");
  if (!room.features.screenShare) return no("off");
  return isLocked(me, room, "screenSharing") ? no("locked") : YES;
}

export function mayRaiseHand(room: RoomState): Right {
  return room.features.raiseHand ? YES : no("off");
}

export function mayChat(me: Person, room: RoomState): Right {
  if (!room.features.chat) return no("off");
  return isLocked(me, room, "chat") || isLocked(me, room, "chatSend") ? no("locked") : YES;
}

/** Hosts may always be written to while only private chat is locked. */
export function mayWriteTo(me: Person, other: Person, room: RoomState): Right {
  if (!room.features.chat) return no("off");
  if (me.isAdmin) return YES;
  if (isLocked(me, room, "chat")) return no("locked");
  if (isLocked(me, room, "privateChat") && !other.isAdmin) return no("lockedPrivate");
  return YES;
}
