import "../../../tests/bare-page";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ANA, BEN, CAT, createFakeServer, flush, id, type FakeServer } from "../../../tests/fakes";
import { begun } from "../../../tests/together";
import { CHAT_ACTION, CHAT_MARKS, CHAT_TYPING, decodeAction } from "../../wire/chat-actions";
import { ChatActionSchema, ChatMarksSchema } from "../../wire/gen/plugnmeet/chat_extensions_pb";
import type { Entry } from "../chat";

let server: FakeServer;

beforeEach(async () => {
  vi.useFakeTimers();
  server = createFakeServer();
  await server.enter([ANA, BEN, CAT]);
});

afterEach(() => {
  server.session.dispose();
  vi.useRealTimers();
});

const lines = (with_: string | null = null): readonly Entry[] =>
  server.session.chat.getSnapshot().conversations.get(with_ === null ? null : id(with_)) ?? [];
const first = (): Entry => {
  const [line] = lines();
  if (!line) throw new Error("no line");
  return line;
};

type Action = Parameters<typeof create<typeof ChatActionSchema>>[1];

function act(from: string, action: NonNullable<Action>["action"], messageId = first().id) {
  const binMessage = toBinary(
    ChatActionSchema,
    create(ChatActionSchema, { messageId, action: action ?? { case: undefined }, at: 77n }),
  );
  server.tellAll({ id: "d", type: CHAT_ACTION, fromUserId: from, binMessage });
}

const sign = (emoji: string, on = true) =>
  ({ case: "react", value: { $typeName: "plugnmeet.ChatReaction", emoji, on } }) as const;

test("what the author changes is changed, and what others forge is not", () => {
  begun(server.session);
  server.chat(BEN, "hello");

  act("cat", { case: "edit", value: "forged" });
  act("cat", { case: "remove", value: true });
  expect(first().html).toBe("hello");

  act("ben", { case: "edit", value: "better" });
  expect(first()).toMatchObject({ html: "better", editedAt: 77 });
  act("ana", { case: "remove", value: true });
  expect(first()).toMatchObject({ html: "", removed: true });
  act("ben", { case: "edit", value: "back again" });
  expect(first().removed).toBe(true);
});

test("signs are counted by person and taken back", () => {
  begun(server.session);
  server.chat(BEN, "hello");

  act("cat", sign("👍"));
  act("cat", sign("👍"));
  act("ben", sign("👍"));
  act("ben", sign("🙈"));
  expect([...(first().signs ?? [])]).toEqual([["👍", ["cat", "ben"]]]);
  act("cat", sign("👍", false));
  act("ben", sign("👍", false));
  expect(first().signs?.size).toBe(0);
});

test("a change that the server does not send back is said to have failed", async () => {
  const { chat } = begun(server.session);
  server.chat(BEN, "hello");

  chat.sign(first(), "🎉");
  const sent = decodeAction(server.data.at(-1)?.binMessage ?? new Uint8Array());
  expect(sent.change).toEqual({ kind: "sign", sign: "🎉", on: true });
  await vi.advanceTimersByTimeAsync(9_000);
  const said = server.session.notices.history.getSnapshot().all.map(({ text }) => text);
  expect(said).toContainEqual({ key: "chat.notChanged" });

  const before = said.length;
  chat.sign(first(), "👍");
  act("ana", sign("👍"));
  await vi.advanceTimersByTimeAsync(9_000);
  expect(server.session.notices.history.getSnapshot().all).toHaveLength(before);
});

test("what became of the history is applied when it comes", () => {
  begun(server.session);
  server.chat(BEN, "hello");
  const { id: messageId } = first();
  const marks = create(ChatMarksSchema, {
    marks: [
      {
        messageId,
        replyTo: "m0",
        editedAt: 9n,
        message: "new",
        reactions: [{ emoji: "👏", userIds: ["cat"] }],
      },
    ],
  });
  const binMessage = toBinary(ChatMarksSchema, marks);
  const told = { id: "d", type: CHAT_MARKS, fromUserId: "ben", toUserId: "ana", binMessage };

  server.tellAll({ ...told, toUserId: "" });
  expect(first().html).toBe("hello");
  server.tellPrivately(told);
  expect(first()).toMatchObject({ html: "new", editedAt: 9, replyTo: "m0" });
  expect(first().signs?.get("👏")).toEqual(["cat"]);
});

test("private lines are changed by their author alone", async () => {
  const { chat } = begun(server.session);
  server.privateChat(BEN, "ana", "between us");
  const [line] = lines("ben");
  if (!line) throw new Error("no line");
  const tell = (fromUserId: string, value: string) =>
    server.tellPrivately({
      id: "d",
      type: CHAT_ACTION,
      fromUserId,
      toUserId: "ana",
      binMessage: toBinary(
        ChatActionSchema,
        create(ChatActionSchema, { messageId: line.id, action: { case: "edit", value } }),
      ),
    });

  tell("cat", "forged");
  expect(lines("ben")[0]?.html).toBe("between us");
  tell("ben", "just us");
  expect(lines("ben")[0]?.html).toBe("just us");

  chat.sign(line, "❤️");
  await flush();
  expect(server.sent.at(-1)).toMatchObject({ kind: "private-activity", to: "ben", echo: true });
});

test("who writes is shown until they have written or stop", async () => {
  const { chat } = begun(server.session);
  const writing = () => [...(chat.typing.getSnapshot().get(null) ?? [])];
  const tell = (fromUserId: string) => server.tellAll({ id: "d", type: CHAT_TYPING, fromUserId });

  tell("ben");
  tell("ana");
  tell("nobody");
  expect(writing()).toEqual(["ben"]);
  server.chat(BEN, "here it is");
  expect(writing()).toEqual([]);
  tell("cat");
  await vi.advanceTimersByTimeAsync(6_000);
  expect(writing()).toEqual([]);
});

test("a sign under their last line does not stop whoever writes the next", () => {
  const { chat } = begun(server.session);
  server.chat(BEN, "hello");
  server.tellAll({ id: "d", type: CHAT_TYPING, fromUserId: "ben" });

  act("cat", sign("👍"));
  server.chat(CAT, "hello, Ben");

  expect([...(chat.typing.getSnapshot().get(null) ?? [])]).toEqual(["ben"]);
});

test("others hear at once that I write another line", () => {
  const { chat } = begun(server.session);
  chat.write(null);
  server.session.write(null, "hello");
  const before = server.data.length;
  chat.write(null);
  chat.write(null);
  expect(server.data.slice(before)).toHaveLength(1);
});

test("others hear now and then that I write", async () => {
  const { chat } = begun(server.session);
  for (let key = 0; key < 10; key += 1) chat.write(null);
  expect(server.data).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(3_500);
  chat.write(null);
  expect(server.data).toHaveLength(2);
});
