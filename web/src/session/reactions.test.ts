import "../../tests/bare-page";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ANA, BEN, createFakeServer, id } from "../../tests/fakes";
import { DataMsgBodyType } from "../wire/gen/plugnmeet/messaging_pb";
import { createReactionStore, emojiFrom, FLOAT_MS } from "./reactions";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a reaction floats for a moment and is gone", () => {
  const store = createReactionStore(Date.now);
  store.show("🎉", id("ben"), "Ben");

  expect(store.getSnapshot().map(({ emoji, name }) => [emoji, name])).toEqual([["🎉", "Ben"]]);
  vi.advanceTimersByTime(FLOAT_MS);
  expect(store.getSnapshot()).toEqual([]);
});

test("nobody reacts faster than people do; another person still can", () => {
  const store = createReactionStore(Date.now);

  expect(store.show("👍", id("ben"), "Ben")).toBe(true);
  expect(store.show("👍", id("ben"), "Ben")).toBe(false);
  expect(store.show("👍", id("cat"), "Cat")).toBe(true);
  vi.advanceTimersByTime(500);
  expect(store.show("👍", id("ben"), "Ben")).toBe(true);
});

test("a storm shows its newest only", () => {
  const store = createReactionStore(Date.now);
  for (let n = 0; n < 100; n += 1) store.show("👏", id(`p${n}`), `${n}`);

  expect(store.getSnapshot()).toHaveLength(20);
  expect(store.getSnapshot().at(-1)?.name).toBe("99");
});

test.each([
  ['{"emoji":"❤️"}', "❤️"],
  ['{"emoji":"💣"}', null],
  ['{"emoji":"<b>"}', null],
  ["null", null],
  ["no json", null],
])("of %s only a known emoji is taken", (text, expected) => {
  expect(emojiFrom(text)).toBe(expected);
});

test("mine is seen at once and told to the others as every client tells it", async () => {
  vi.useRealTimers();
  const server = createFakeServer();
  await server.enter([ANA, BEN]);

  server.session.react("👍");

  expect(server.session.reactions.getSnapshot().map(({ from }) => from)).toEqual(["ana"]);
  const [sent] = server.data;
  expect(JSON.parse(sent?.message ?? "{}")).toMatchObject({
    emoji: "👍",
    fromUserId: "ana",
    fromName: "Ana",
  });
});

test("locked, nothing is sent", async () => {
  vi.useRealTimers();
  const server = createFakeServer();
  await server.enter([{ ...ANA, admin: false }, BEN], {
    default_lock_settings: { lock_reactions: true },
  });

  server.session.react("👍");

  expect(server.data).toEqual([]);
});

test("whose may not be known is shown without a name, however many there are at once", async () => {
  vi.useRealTimers();
  const server = createFakeServer();
  await server.enter([ANA, BEN]);
  const told = (from: string) =>
    server.tellAll({
      id: "r",
      type: DataMsgBodyType.REACTION,
      fromUserId: from,
      message: JSON.stringify({ id: "r", emoji: "🎉", fromUserId: "", fromName: "" }),
    });

  told("system");
  told("system");
  told("nobody anybody knows");

  const shown = server.session.reactions.getSnapshot().map(({ from, name }) => [from, name]);
  expect(shown).toEqual([
    [null, ""],
    [null, ""],
  ]);
});
