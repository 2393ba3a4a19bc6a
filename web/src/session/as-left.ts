/** Which devices were on when this tab last showed a meeting: whoever was muted is not opened up by a reload. */
import type { ParticipantId } from "../wire/types";

export interface AsLeft {
  readonly microphone: boolean;
  readonly camera: boolean;
}

type Store = Pick<Storage, "getItem" | "setItem">;

const keyFor = (sid: string, me: ParticipantId): string => `plenum.as-left.${sid}.${me}`;

/** `null` where this tab has not been in that meeting. */
export function asLeft(storage: Store | null, sid: string, me: ParticipantId): AsLeft | null {
  try {
    const raw: unknown = JSON.parse(storage?.getItem(keyFor(sid, me)) ?? "null");
    if (typeof raw !== "object" || raw === null) return null;
    const { microphone, camera } = raw as Record<string, unknown>;
    return { microphone: microphone === true, camera: camera === true };
  } catch {
    return null;
  }
}

export function keepAsLeft(storage: Store | null, sid: string, me: ParticipantId, now: AsLeft) {
  try {
    storage?.setItem(keyFor(sid, me), JSON.stringify(now));
  } catch {
    // A full or forbidden storage only means that the green room opens as it usually does.
  }
}
