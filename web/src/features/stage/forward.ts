/**
 * Where there are more people than one page holds, whoever speaks comes to the first page: into the place of somebody who
 * has been silent for longest, one at a time and not often. All others stay where they are. Pure.
 */
import type { ParticipantId } from "../../wire/types";

export interface Forward {
  /** Who stands in which place of the first page instead of who would. */
  readonly places: ReadonlyMap<number, ParticipantId>;
  /** When that changed last, and when everybody spoke last; milliseconds on one clock. */
  readonly movedAt: number;
  readonly spoke: ReadonlyMap<ParticipantId, number>;
}

export const NOBODY_FORWARD: Forward = {
  places: new Map(),
  movedAt: Number.NEGATIVE_INFINITY,
  spoke: new Map(),
};

/** Faces do not change more often than this. */
export const REST_MS = 8_000;

interface Moment {
  /** Everybody who has a place on some page, in their lasting order. */
  readonly flow: readonly ParticipantId[];
  readonly perPage: number;
  readonly speaking: readonly ParticipantId[];
  /** Whose place is not given away: hosts', their own of whoever looks, and of whom everybody shall see. */
  readonly kept: ReadonlySet<ParticipantId>;
  readonly now: number;
}

/** The flow with everybody in the place they have been given. */
export function arranged(
  flow: readonly ParticipantId[],
  places: Forward["places"],
  perPage: number,
): readonly ParticipantId[] {
  if (places.size === 0 || flow.length <= perPage) return flow;
  const order = [...flow];
  for (const [place, id] of places) {
    const from = order.indexOf(id);
    const other = order[place];
    if (from === -1 || other === undefined || place >= perPage) continue;
    order[place] = id;
    order[from] = other;
  }
  return order;
}

export function bringForward(before: Forward, moment: Moment): Forward {
  const { flow, perPage, speaking, kept, now } = moment;
  const state =
    speaking.length === 0
      ? before
      : {
          ...before,
          spoke: new Map([...before.spoke, ...speaking.map((id) => [id, now] as const)]),
        };
  const order = arranged(flow, state.places, perPage);
  const speaker = speaking.find((id) => order.indexOf(id) >= perPage);
  if (speaker === undefined || now - state.movedAt < REST_MS) return state;
  const spokeAt = (id: ParticipantId) => state.spoke.get(id) ?? 0;
  const [silent] = order
    .slice(0, perPage)
    .map((id, place) => ({ id, place }))
    .filter(({ id }) => !kept.has(id) && !speaking.includes(id))
    .toSorted((a, b) => spokeAt(a.id) - spokeAt(b.id) || b.place - a.place);
  if (!silent) return state;
  // Whoever is forward already keeps one place, not two.
  const places = new Map([...state.places].filter(([, id]) => id !== speaker));
  return { ...state, movedAt: now, places: places.set(silent.place, speaker) };
}
