import { expect, test } from "vitest";
import { createFakeStorage } from "../../../tests/values";
import { createChatStore, type ChatStore } from "../../session/chat";
import { participantId, type ChatLine } from "../../wire/types";
import { forget } from "../../kit/tab-storage";
import { keyFor, load, save } from "./kept";

const [ana, ben] = [participantId("ana"), participantId("ben")];
const KEY = keyFor("sid", ana);

const line = (id: string, from: typeof ana, to: typeof ana | null, html: string): ChatLine => ({
  id,
  from,
  fromName: from,
  fromAdmin: false,
  to,
  sentAt: Number(id),
  html,
});

const between = (chat: ChatStore) => chat.getSnapshot().conversations.get(ben) ?? [];

test("private conversations come back after a reload, with all that became of their lines", () => {
  const place = createFakeStorage();
  const before = createChatStore(() => ana);
  before.addOwn(line("1", ana, ben, "psst"));
  before.mark("1", ben, "sent");
  before.addOwn(line("2", ana, ben, "on its way"));
  before.receive(line("3", ben, ana, "yes?"));
  before.change("3", ben, (entry) => ({ ...entry, editedAt: 9, signs: new Map([["👍", [ana]]]) }));
  before.receive(line("4", ben, null, "for everybody"));
  save(place, KEY, before.getSnapshot());

  const after = createChatStore(() => ana);
  after.receive(line("5", ben, ana, "still there?"));
  load(place, KEY).forEach(after.restore);

  expect(between(after).map(({ html, delivery }) => [html, delivery])).toEqual([
    ["psst", "sent"],
    ["on its way", "failed"],
    ["yes?", "received"],
    ["still there?", "received"],
  ]);
  expect(between(after)[2]).toMatchObject({ editedAt: 9, signs: new Map([["👍", [ana]]]) });
  expect(after.getSnapshot().unread.get(ben)).toBe(2);
  expect(after.getSnapshot().names.get(ben)).toBe("ben");
  expect(after.publicLines()).toEqual([]);
});

test("a damaged record costs no more than what is damaged", () => {
  const place = createFakeStorage();
  const entry = { id: "1", from: "ben", fromName: "Ben", to: "ana", sentAt: 1, html: "hello" };
  const list = [null, { id: 7 }, { id: "ben", name: "Ben", entries: [entry, { id: "2" }, 3] }];
  place.setItem(KEY, JSON.stringify(list));

  const [conversation, ...others] = load(place, KEY);
  expect(others).toEqual([]);
  expect(conversation).toMatchObject({ id: "ben", unread: 0, entries: [{ html: "hello" }] });
  place.setItem(KEY, "{");
  expect(load(place, KEY)).toEqual([]);
});

test("what is forgotten does not come back", () => {
  const place = createFakeStorage();
  const chat = createChatStore(() => ana);
  chat.receive(line("1", ben, ana, "psst"));
  save(place, KEY, chat.getSnapshot());
  forget(place, KEY);
  expect(load(place, KEY)).toEqual([]);
  expect(load(null, KEY)).toEqual([]);
});
