import "../../tests/bare-page";
import { expect, test } from "vitest";
import { ANA, BEN, CAT, createFakeServer } from "../../tests/fakes";
import { NatsMsgServerToClientEvents as Event } from "../wire/gen/plugnmeet/messaging_pb";

async function inMeeting() {
  const server = createFakeServer();
  await server.enter([ANA, BEN, CAT]);
  const told = () => server.session.notices.getSnapshot().map(({ text }) => text);
  const becomes = (metadata: object) =>
    server.emit(Event.ROOM_METADATA_UPDATE, JSON.stringify(metadata));
  return { server, told, becomes };
}

test("everybody is told when recording or a live broadcast begins, and when it ends", async () => {
  const { told, becomes } = await inMeeting();
  becomes({ is_recording: true });
  expect(told()).toEqual([{ key: "notice.recordingStarted" }]);
  becomes({ is_recording: true, is_active_rtmp: true });
  expect(told()).toContainEqual({ key: "notice.liveStarted" });
  becomes({ is_recording: false, is_active_rtmp: false });
  expect(told()).toEqual([{ key: "notice.recordingStopped" }, { key: "notice.liveStopped" }]);
});

test("whoever presents from now on is named to everybody, and told so themselves", async () => {
  const { server, told } = await inMeeting();
  server.changed({ ...BEN, presenter: true });
  expect(told()).toEqual([{ key: "notice.presents", values: { name: "Ben" } }]);
  server.changed(BEN);
  server.changed({ ...ANA, presenter: true });
  expect(told()).toEqual([{ key: "notice.youArePresenter" }]);
});
