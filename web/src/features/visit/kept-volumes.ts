/**
 * How loud each person is played here, through a reload of the page. Kept in the tab's own storage for one meeting: who
 * is too loud today may sit at another microphone tomorrow.
 */
import { participantId, type ParticipantId } from "../../wire/types";

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;
type Volumes = ReadonlyMap<ParticipantId, number>;

/** The people of the largest meeting whose volume anybody would set by hand. */
const MAX_KEPT = 500;

export const keyFor = (sid: string, me: string): string => `plenum.volumes.${sid}.${me}`;

export function load(storage: Store | null, key: string): Volumes {
  try {
    const kept: unknown = JSON.parse(storage?.getItem(key) ?? "{}");
    if (typeof kept !== "object" || kept === null) return new Map();
    const known = Object.entries(kept).filter(isVolume).slice(0, MAX_KEPT);
    return new Map(known.map(([who, volume]) => [participantId(who), volume]));
  } catch {
    return new Map();
  }
}

const isVolume = (entry: [string, unknown]): entry is [string, number] => {
  const [, volume] = entry;
  return typeof volume === "number" && volume >= 0 && volume <= 1;
};

export function save(storage: Store | null, key: string, volumes: Volumes): void {
  try {
    storage?.setItem(key, JSON.stringify(Object.fromEntries(volumes)));
  } catch {
    // A full or forbidden storage only means that a reload plays everybody as they come.
  }
}

export function forget(storage: Store | null, key: string): void {
  try {
    storage?.removeItem(key);
  } catch {
    // What cannot be removed goes with the tab.
  }
}
