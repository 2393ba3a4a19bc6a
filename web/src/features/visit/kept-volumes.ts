/**
 * How loud each person is played here, through a reload of the page. Kept in the tab's own storage for one meeting: who
 * is too loud today may sit at another microphone tomorrow.
 */
import { keep, kept, type Store } from "../../kit/tab-storage";
import { participantId, type ParticipantId } from "../../wire/types";

type Volumes = ReadonlyMap<ParticipantId, number>;

/** The people of the largest meeting whose volume anybody would set by hand. */
const MAX_KEPT = 500;

export const keyFor = (sid: string, me: string): string => `plenum.volumes.${sid}.${me}`;

export function load(storage: Store | null, key: string): Volumes {
  const volumes = kept(storage, key);
  if (typeof volumes !== "object" || volumes === null) return new Map();
  const known = Object.entries(volumes).filter(isVolume).slice(0, MAX_KEPT);
  return new Map(known.map(([who, volume]) => [participantId(who), volume]));
}

const isVolume = (entry: [string, unknown]): entry is [string, number] => {
  const [, volume] = entry;
  return typeof volume === "number" && volume >= 0 && volume <= 1;
};

export function save(storage: Store | null, key: string, volumes: Volumes): void {
  keep(storage, key, Object.fromEntries(volumes));
}
