import "../../tests/bare-page";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ANA, BEN, CAT, commonAnswer, createFakeServer, id } from "../../tests/fakes";
import {
  ExternalDisplayLinkReqSchema,
  ExternalDisplayLinkTask,
  MuteUnMuteTrackReqSchema,
  RemoveParticipantReqSchema,
  SwitchPresenterReqSchema,
  UpdateUserLockSettingsReqSchema,
} from "../wire/gen/plugnmeet/common_pb";
import {
  AskReqSchema,
  BlockedResSchema,
  Device,
  PanicReqSchema,
  SpotlightReqSchema,
  StopReqSchema,
} from "../wire/gen/plenum/meeting_pb";
import { ALL, createModeration } from "./moderation";

async function hosting() {
  const server = createFakeServer();
  await server.enter([ANA, BEN, CAT]);
  return { server, host: createModeration(server.session) };
}

const bodyOf = (server: Awaited<ReturnType<typeof hosting>>["server"]) =>
  server.asked.at(-1)?.body ?? new Uint8Array();

test("a lock names the room, the service and whom it is for", async () => {
  const { server, host } = await hosting();

  expect(await host.lock("screenSharing", true, ALL)).toBe(true);

  expect(server.asked.at(-1)?.path).toBe("updateLockSettings");
  expect(fromBinary(UpdateUserLockSettingsReqSchema, bodyOf(server))).toMatchObject({
    roomId: "room01",
    roomSid: "sid",
    userId: "all",
    service: "screenShare",
    direction: "lock",
  });
});

test("muting mutes, and never the other way round", async () => {
  const { server, host } = await hosting();

  await host.mute(id("ben"));

  const { userId, muted, trackSid } = fromBinary(MuteUnMuteTrackReqSchema, bodyOf(server));
  expect([userId, muted, trackSid]).toEqual(["ben", true, ""]);
});

test("whoever waited is told that they were not let in, the others that they were removed", async () => {
  const { server, host } = await hosting();
  const ben = server.session.people.getSnapshot().get(id("ben"));
  if (!ben) throw new Error("nobody there");

  await host.remove(ben, false);
  const removed = fromBinary(RemoveParticipantReqSchema, bodyOf(server));
  await host.remove({ ...ben, waiting: true }, true);
  const rejected = fromBinary(RemoveParticipantReqSchema, bodyOf(server));

  expect([removed.msg, removed.blockUser]).toEqual(["notifications.you-have-removed", false]);
  expect([rejected.msg, rejected.blockUser]).toEqual(["notifications.you-have-reject", true]);
});

test("people are let in one after the other, and no further than the first refusal", async () => {
  const { server, host } = await hosting();
  let left = 1;
  server.answer = () => commonAnswer(left-- > 0, "can't approve user. try again");

  expect(await host.admit([id("ben"), id("cat"), id("dan")])).toBe(false);

  expect(server.asked.map(({ path }) => path)).toEqual(Array(2).fill("waitingRoom/approveUsers"));
});

test("a refusal the server gives a reason for is said with it", async () => {
  const { server, host } = await hosting();
  server.answer = () => commonAnswer(false, "notifications.cannot-lock-admin");

  expect(await host.lock("chat", true, id("ben"))).toBe(false);

  expect(server.session.notices.getSnapshot().map(({ text }) => text)).toEqual([
    { key: "refused.hostLock" },
  ]);
});

test("no answer, or one that cannot be read, is a failure with words of our own", async () => {
  const { server, host } = await hosting();
  server.answer = () => {
    throw new Error("offline");
  };
  expect(await host.muteAll(false)).toBe(false);
  server.answer = () => new TextEncoder().encode("<html>");
  expect(await host.muteAll(false)).toBe(false);

  const texts = server.session.notices.getSnapshot().map(({ text }) => text);
  expect(texts).toEqual([{ key: "host.failed" }]);
});

test("the presenter's role goes to somebody, and back to whoever asks", async () => {
  const { server, host } = await hosting();

  await host.makePresenter(id("ben"), true);
  expect(fromBinary(SwitchPresenterReqSchema, bodyOf(server)).task).toBe(0);
  await host.makePresenter(id("ben"), false);
  expect(fromBinary(SwitchPresenterReqSchema, bodyOf(server)).task).toBe(1);
});

test("devices are named by what they are", async () => {
  const { server, host } = await hosting();

  await host.stop(id("ben"), "screen");
  expect(fromBinary(StopReqSchema, bodyOf(server)).device).toBe(Device.SCREEN_SHARE);
  await host.askFor("microphone", id("ben"));
  expect(fromBinary(AskReqSchema, bodyOf(server)).device).toBe(Device.MICROPHONE);
});

test("the spotlight replaces the whole list, in its order", async () => {
  const { server, host } = await hosting();

  await host.spotlight([id("cat"), id("ben")]);

  expect(fromBinary(SpotlightReqSchema, bodyOf(server)).userIds).toEqual(["cat", "ben"]);
});

test("rest is one request, and so is putting everything back", async () => {
  const { server, host } = await hosting();

  await host.rest(true);
  await host.rest(false);

  const bodies = server.asked.map(
    ({ body }) => fromBinary(PanicReqSchema, body ?? new Uint8Array()).isOn,
  );
  expect(bodies).toEqual([true, false]);
});

test("a page is shown by its address and taken away without", async () => {
  const { server, host } = await hosting();

  await host.showLink("https://example.org/");
  const shown = fromBinary(ExternalDisplayLinkReqSchema, bodyOf(server));
  await host.hideLink();
  const hidden = fromBinary(ExternalDisplayLinkReqSchema, bodyOf(server));

  expect([shown.task, shown.url]).toEqual([
    ExternalDisplayLinkTask.START_EXTERNAL_LINK,
    "https://example.org/",
  ]);
  expect([hidden.task, hidden.url]).toEqual([
    ExternalDisplayLinkTask.STOP_EXTERNAL_LINK,
    undefined,
  ]);
});

test("the list of blocked people has names, times and who did it", async () => {
  const { server, host } = await hosting();
  const people = [{ userId: "dan", name: "Dan", blockedAt: 7n, blockedBy: "ana" }];
  server.answer = () =>
    toBinary(BlockedResSchema, create(BlockedResSchema, { status: true, people }));

  expect(await host.blocked()).toEqual([{ id: "dan", name: "Dan", at: 7, by: "ana" }]);

  server.answer = () => commonAnswer(false, "only admin can perform this task");
  expect(await host.blocked()).toBeNull();
});

test("all hands are lowered with one word", async () => {
  const { server, host } = await hosting();

  host.lowerHand(ALL);

  expect(server.sent.at(-1)).toEqual({ kind: "lower-hand-of", who: "all" });
});

test("words for those who wait that are not taken are said to be so, with the way to them", async () => {
  const { server, host } = await hosting();
  server.answer = () => commonAnswer(false);

  expect(await host.sayToWaiting("At ten.")).toBe(false);

  const failed = server.session.notices.getSnapshot().filter(({ level }) => level === "error");
  expect(failed).toMatchObject([{ panel: "waiting", text: { key: "host.failed" } }]);
});
