import { expect, test } from "vitest";
import { id } from "../../../tests/fakes";
import { arranged, bringForward, NOBODY_FORWARD, REST_MS, type Forward } from "./forward";

const flow = ["ana", "me", "ben", "cat", "dan", "eve"].map(id);
const kept = new Set(["ana", "me"].map(id));

/** What the first page looks like after each of these spoke, `at` milliseconds of one clock. */
function after(steps: readonly { at: number; who: string[] }[], perPage = 4, people = flow) {
  let state: Forward = NOBODY_FORWARD;
  for (const { at, who } of steps) {
    const moment = { flow: people, perPage, speaking: who.map(id), kept, now: at };
    state = bringForward(state, moment);
  }
  return { state, order: arranged(people, state.places, perPage) };
}

test("whoever speaks takes the place of one who has been silent, and nobody else moves", () => {
  const { order } = after([{ at: 1_000, who: ["eve"] }]);
  expect(order).toEqual(["ana", "me", "ben", "eve", "dan", "cat"]);
});

test("whoever has just spoken stays; the longest silence makes room", () => {
  const { order } = after([
    { at: 1_000, who: ["cat"] },
    { at: 2_000, who: ["eve"] },
  ]);
  expect(order).toEqual(["ana", "me", "eve", "cat", "dan", "ben"]);
});

test("faces change no more often than every eight seconds", () => {
  const soon = after([
    { at: 1_000, who: ["eve"] },
    { at: 1_000 + REST_MS - 1, who: ["dan"] },
  ]);
  expect(soon.order.slice(0, 4)).not.toContain("dan");
  const later = after([
    { at: 1_000, who: ["eve"] },
    { at: 1_000 + REST_MS, who: ["dan"] },
  ]);
  expect(later.order).toEqual(["ana", "me", "dan", "eve", "ben", "cat"]);
});

test("hosts, my own picture and whoever speaks as well keep their places", () => {
  expect(after([{ at: 1_000, who: ["ben", "cat", "eve"] }]).order).toEqual(flow);
});

test("whoever is seen already is not moved, and where all fit nobody is", () => {
  expect(after([{ at: 1_000, who: ["cat"] }]).order).toEqual(flow);
  expect(after([{ at: 1_000, who: ["eve"] }], 6).order).toEqual(flow);
});

test("the place of somebody who left falls back to whom it belongs", () => {
  const { state } = after([{ at: 1_000, who: ["eve"] }]);
  const rest = flow.filter((one) => one !== id("eve"));
  expect(arranged(rest, state.places, 4)).toEqual(rest);
  // A smaller page has no such place.
  expect(arranged(flow, state.places, 3)).toEqual(flow);
});

test("nobody has two places, however often they come forward", () => {
  const people = [...flow, id("fay")];
  const { order } = after(
    [
      { at: 1_000, who: ["eve"] },
      { at: 20_000, who: ["dan"] },
      { at: 40_000, who: ["fay"] },
      { at: 60_000, who: ["eve"] },
      { at: 80_000, who: ["ben"] },
    ],
    4,
    people,
  );
  expect(order.toSorted()).toEqual(people.toSorted());
  expect(order.slice(0, 4)).toContain("ben");
});
