import { expect, test } from "vitest";
import { participantId } from "../../wire/types";
import { assignRandomly, fillsAll, within } from "./assign";

const people = Array.from({ length: 10 }, (_, at) => participantId(`p${at}`));

test("chance puts everybody somewhere and fills rooms evenly", () => {
  let seed = 7;
  const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  const assignment = assignRandomly(people, 3, random);
  const sizes = [0, 1, 2].map(
    (room) => [...assignment.values()].filter((at) => at === room).length,
  );
  expect(assignment.size).toBe(10);
  expect(sizes.toSorted()).toEqual([3, 3, 4]);
});

test("who was in a room that is gone stays in the main room", () => {
  const assignment = new Map(people.slice(0, 3).map((id, at) => [id, at]));
  expect([...within(assignment, 2).values()]).toEqual([0, 1]);
  expect(fillsAll(assignment, 3)).toBe(true);
  expect(fillsAll(within(assignment, 2), 3)).toBe(false);
});
