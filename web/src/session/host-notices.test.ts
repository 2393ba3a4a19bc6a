import "../../tests/bare-page";
import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ANA, BEN, createFakeServer, flush } from "../../tests/fakes";
import { Device, NotSent_Reason, NoticeSchema } from "../wire/gen/plenum/meeting_pb";
import type { Entry } from "./chat";
import { NatsMsgServerToClientEvents as Event } from "../wire/gen/plugnmeet/messaging_pb";

const PLAIN = JSON.stringify({ type: 0, msg: "A moderator asks you to unmute", with_sound: true });

const notice = (kind: "asked" | "stopped", device: Device): Uint8Array =>
  toBinary(
    NoticeSchema,
    create(NoticeSchema, {
      what: { case: kind, value: { device, byUserId: "ben", byName: "Ben" } },
    }),
  );

async function told(details: Uint8Array, me = { ...ANA, admin: false }, metadata = {}) {
  const server = createFakeServer();
  await server.enter([me, { ...BEN, admin: true }], metadata);
  server.emit(Event.SYSTEM_NOTIFICATION, PLAIN, details);
  await import("./host-notices");
  await flush();
  return server;
}

test("who asks is named, and one press does what was asked", async () => {
  const server = await told(notice("asked", Device.MICROPHONE));

  const [asked] = server.session.notices.getSnapshot();
  expect(asked).toMatchObject({
    text: { key: "notice.asked.microphone", values: { name: "Ben" } },
    sticky: true,
    alert: "asked",
  });
  asked?.action?.run();
  await flush();
  expect(server.engine.calls).toContain("microphone true");
  expect(server.session.notices.getSnapshot()).toEqual([]);
});

test("nothing is on before the person agrees, and a lock still counts", async () => {
  const server = await told(
    notice("asked", Device.CAMERA),
    { ...ANA, admin: false },
    {
      default_lock_settings: { lock_webcam: true },
    },
  );

  expect(server.engine.calls).not.toContain("camera true");
  server.session.notices.getSnapshot()[0]?.action?.run();
  await flush();
  expect(server.engine.calls).not.toContain("camera true");
  expect(server.session.notices.getSnapshot().map(({ text }) => text)).toContainEqual({
    key: "why.locked.camera",
  });
});

test("whoever was stopped is told by whom", async () => {
  const server = await told(notice("stopped", Device.SCREEN_SHARE));

  expect(server.session.notices.getSnapshot().map(({ text }) => text)).toEqual([
    { key: "notice.stopped.screen", values: { name: "Ben" } },
  ]);
});

test.each([
  ["a device of later", notice("asked", Device.DEVICE_UNSPECIFIED)],
  ["a kind of later", new Uint8Array([0xfa, 0x01, 0x01, 0x00])],
  ["garbage", new Uint8Array([0xff, 0xff])],
])("%s is said in the words that came with it", async (_, details) => {
  const server = await told(details);

  expect(server.session.notices.getSnapshot().map(({ text }) => text)).toEqual([
    { plain: "A moderator asks you to unmute" },
  ]);
});

test("a held microphone is explained, let go and said so", async () => {
  const server = createFakeServer();
  const held = {
    ...ANA,
    admin: false,
    extra: { plenum_held: "true" },
    locks: { lock_microphone: true },
  };
  await server.enter([held, { ...BEN, admin: true }]);

  server.changed({ ...ANA, admin: false });

  expect(server.session.notices.getSnapshot().map(({ text }) => text)).toEqual([
    { key: "notice.free.microphone" },
  ]);
});

test("the end of a breakout room is said in the reader's words", async () => {
  const at = BigInt(Date.now() + 60_000);
  const details = toBinary(
    NoticeSchema,
    create(NoticeSchema, { what: { case: "closing", value: { closesAt: at } } }),
  );
  const server = await told(details);

  const [said] = server.session.notices.getSnapshot();
  expect(said?.text).toEqual({ key: "breakout.closesSoon", values: { count: 60 } });
});

const notSent = (reason: NotSent_Reason, messageId: string, isPrivate = false): Uint8Array =>
  toBinary(
    NoticeSchema,
    create(NoticeSchema, { what: { case: "notSent", value: { reason, messageId, isPrivate } } }),
  );

const REFUSED = JSON.stringify({ type: 0, msg: "Your message was not sent", with_sound: false });

/** What has become of the line that Ana wrote, to everybody or to Ben. */
async function refused(reason: NotSent_Reason, to: string | null = null, metadata = {}) {
  const server = createFakeServer();
  await server.enter([{ ...ANA, admin: false }, BEN], metadata);
  const { chat } = server.session;
  server.session.write(to as null, "Hello");
  await flush();
  const line = () =>
    chat
      .getSnapshot()
      .conversations.get(to as null)
      ?.at(-1);
  server.emit(Event.SYSTEM_NOTIFICATION, REFUSED, notSent(reason, line()?.id ?? "", to !== null));
  await import("./host-notices");
  await flush();
  return { server, line };
}

test("a line that went no further says so itself, who decided it and what to do", async () => {
  const { server, line } = await refused(NotSent_Reason.TOO_FAST);
  expect(line()).toMatchObject({ delivery: "failed", refused: "chat.refused.tooFast" });
  const [said] = server.session.notices.getSnapshot();
  expect(said).toMatchObject({ level: "warning", text: { key: "chat.refused.tooFast" } });

  const before = line();
  if (before) server.session.resend(before);
  await flush();
  expect(line()).toMatchObject({ delivery: "sent" });
  expect(line()?.refused).toBeUndefined();
});

test("lines told of together say so each, and the latest is said aloud", async () => {
  const server = createFakeServer();
  await server.enter([{ ...ANA, admin: false }, BEN]);
  for (const text of ["one", "two", "three"]) server.session.write(null, text);
  await flush();
  const lines = () => server.session.chat.publicLines() as readonly Entry[];
  const [one, two, three] = lines().map(({ id }) => id);
  const details = toBinary(
    NoticeSchema,
    create(NoticeSchema, {
      what: {
        case: "notSent",
        value: {
          reason: NotSent_Reason.LOCKED_FOR_ALL,
          messageId: three ?? "",
          others: [
            { reason: NotSent_Reason.TOO_FAST, messageId: one ?? "" },
            { reason: NotSent_Reason.TOO_LONG, messageId: two ?? "" },
          ],
        },
      },
    }),
  );

  server.emit(Event.SYSTEM_NOTIFICATION, REFUSED, details);
  await import("./host-notices");
  await flush();

  expect(lines().map(({ refused: why }) => why)).toEqual([
    "chat.refused.tooFast",
    "chat.refused.tooLong",
    "why.locked.chat",
  ]);
  expect(server.session.notices.getSnapshot().map(({ text }) => text)).toEqual([
    { key: "why.locked.chat" },
  ]);
});

test("word that a line arrived does not undo the word that it went no further", async () => {
  const { server, line } = await refused(NotSent_Reason.LOCKED_FOR_YOU);
  server.session.chat.mark(line()?.id ?? "", null, "sent");
  expect(line()).toMatchObject({ delivery: "failed", refused: "why.lockedYou.chat" });
});

test("a private line that hosts alone may be sent says whom one can write to", async () => {
  const { line } = await refused(NotSent_Reason.LOCKED_FOR_ALL, "ben");
  expect(line()?.refused).toBe("why.lockedPrivate.chat");
  const all = await refused(NotSent_Reason.LOCKED_FOR_ALL, "ben", {
    default_lock_settings: { lock_chat: true },
  });
  expect(all.line()?.refused).toBe("why.locked.chat");
});

test("nobody else's line is taken for one that went no further", async () => {
  const server = createFakeServer();
  await server.enter([ANA, BEN]);
  server.chat(BEN, "hello");
  const lines = () => server.session.chat.publicLines();
  server.emit(
    Event.SYSTEM_NOTIFICATION,
    REFUSED,
    notSent(NotSent_Reason.TOO_LONG, lines()[0]?.id ?? ""),
  );
  await import("./host-notices");
  await flush();
  expect(lines()).toMatchObject([{ delivery: "received" }]);
});
