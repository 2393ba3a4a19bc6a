/** Who goes into which breakout room. Pure; chance comes in as an argument. */
import type { ParticipantId } from "../../wire/types";

/** The number of a room, from 0; who is not in it stays in the main room. */
export type Assignment = ReadonlyMap<ParticipantId, number>;

/** Everybody somewhere, no room with more than one person more than another. */
export function assignRandomly(
  people: readonly ParticipantId[],
  rooms: number,
  random: () => number,
): Assignment {
  const left = [...people];
  const drawn: ParticipantId[] = [];
  while (left.length > 0) {
    drawn.push(...left.splice(Math.floor(random() * left.length), 1));
  }
  return new Map(drawn.map((id, at) => [id, at % rooms]));
}

/** Fewer rooms than before: who was in one that is gone stays in the main room. */
export const within = (assignment: Assignment, rooms: number): Assignment =>
  new Map([...assignment].filter(([, room]) => room < rooms));

/** Whether every room has somebody. */
export const fillsAll = (assignment: Assignment, rooms: number): boolean =>
  new Set(assignment.values()).size === rooms;
