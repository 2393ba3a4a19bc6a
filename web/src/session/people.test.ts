import { expect, test } from "vitest";
import { id } from "../../tests/fakes";
import { personWith } from "../../tests/values";
import type { Person } from "../wire/types";
import { createPeopleStore, handQueue, listOrder, stageOrder } from "./people";

const person = (name: string, part: Partial<Person> = {}): Person =>
  personWith({ id: id(name.toLowerCase()), name, ...part });

const room = (...list: Person[]) => new Map(list.map((p) => [p.id, p]));
const names = (list: readonly Person[]) => list.map(({ name }) => name);

test("the stage shows hosts, me, then the others by arrival, and nobody who waits", () => {
  const people = room(
    person("Zoe", { joinedAt: 1 }),
    person("Me", { joinedAt: 9 }),
    person("Host", { isAdmin: true, joinedAt: 5 }),
    person("Ana", { joinedAt: 2 }),
    person("Wait", { waiting: true }),
  );
  expect(names(stageOrder(people, id("me")))).toEqual(["Host", "Me", "Zoe", "Ana"]);
});

test("the list shows who waits in the order they came, raised hands oldest first, me, then names", () => {
  const people = room(
    person("Élodie"),
    person("Me"),
    person("Late", { handRaisedAt: 20 }),
    person("Early", { handRaisedAt: 10 }),
    person("Came", { waiting: true, waitsSince: 2 }),
    person("Wait", { waiting: true, waitsSince: 1 }),
    person("Eda"),
  );
  expect(names(listOrder(people, id("me")))).toEqual([
    "Wait",
    "Came",
    "Early",
    "Late",
    "Me",
    "Eda",
    "Élodie",
  ]);
  expect(handQueue(people)).toEqual(["early", "late"]);
});

test("a full list repairs what was missed but never drops me", () => {
  const store = createPeopleStore();
  for (const name of ["Me", "Gone"]) store.arrive(person(name));
  store.sync([person("New")], id("me"));
  expect([...store.getSnapshot().keys()].toSorted()).toEqual(["me", "new"]);
});

test("recording bots are seen by nobody", () => {
  const store = createPeopleStore();
  expect(store.arrive({ ...person("Bot"), id: id("RECORDER_BOT") })).toBe(false);
  expect(store.getSnapshot().size).toBe(0);
});

test("someone who comes back within the grace is not new", () => {
  const store = createPeopleStore();
  expect(store.arrive(person("Ana"))).toBe(true);
  store.disconnect(id("ana"));
  expect(store.arrive(person("Ana"))).toBe(false);
  expect(store.getSnapshot().get(id("ana"))?.online).toBe(true);
});
