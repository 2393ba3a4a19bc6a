import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ANA, BEN, createFakeServer, flush } from "../../tests/fakes";
import { Device, NoticeSchema } from "../wire/gen/plenum/meeting_pb";
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
