/** Which devices were on when this tab last showed a meeting: whoever was muted is not opened up by a reload. */
import { keep, kept, type Store } from "../kit/tab-storage";
import type { ParticipantId } from "../wire/types";

export interface AsLeft {
  readonly microphone: boolean;
  readonly camera: boolean;
}

const keyFor = (sid: string, me: ParticipantId): string => `plenum.as-left.${sid}.${me}`;

/** `null` where this tab has not been in that meeting. */
export function asLeft(
  storage: Pick<Store, "getItem"> | null,
  sid: string,
  me: ParticipantId,
): AsLeft | null {
  const raw = kept(storage, keyFor(sid, me));
  if (typeof raw !== "object" || raw === null) return null;
  const { microphone, camera } = raw as Record<string, unknown>;
  return { microphone: microphone === true, camera: camera === true };
}

export function keepAsLeft(
  storage: Pick<Store, "setItem"> | null,
  sid: string,
  me: ParticipantId,
  now: AsLeft,
) {
  keep(storage, keyFor(sid, me), now);
}
