import { expect, test } from "vitest";
import type { Entry } from "../../session/chat";
import { participantId } from "../../wire/types";
import { groupEntries, newestOf } from "./group";

const entry = (id: string, from: string, sentAt: number, system = false): Entry => ({
  id,
  from: participantId(from),
  fromName: from,
  fromAdmin: false,
  to: null,
  sentAt,
  html: id,
  delivery: "received",
  system,
});

const shape = (entries: readonly Entry[]) =>
  groupEntries(entries).map((group) => group.entries.map(({ id }) => id));

test("lines of one person close together share a name", () => {
  expect(shape([entry("1", "a", 0), entry("2", "a", 1_000), entry("3", "b", 2_000)])).toEqual([
    ["1", "2"],
    ["3"],
  ]);
});

test("a pause starts a new group, so that the time is shown again", () => {
  expect(shape([entry("1", "a", 0), entry("2", "a", 600_000)])).toEqual([["1"], ["2"]]);
});

test("what the meeting itself says stands alone", () => {
  const lines = [entry("1", "a", 0), entry("2", "system", 1, true), entry("3", "system", 2, true)];
  expect(shape(lines)).toEqual([["1"], ["2"], ["3"]]);
});

test("of a group that is cut the end is kept, under the same key", () => {
  const groups = groupEntries([
    entry("1", "a", 0),
    entry("2", "b", 1_000),
    entry("3", "b", 2_000),
    entry("4", "b", 3_000),
    entry("5", "a", 4_000),
  ]);
  const cut = newestOf(groups, 3);
  expect(
    cut.map(({ key, first, entries }) => [key, first.id, entries.map(({ id }) => id)]),
  ).toEqual([
    ["2", "3", ["3", "4"]],
    ["5", "5", ["5"]],
  ]);
  expect(newestOf(groups, 9)).toEqual(groups);
  expect(newestOf(groups, 0)).toEqual([]);
});
