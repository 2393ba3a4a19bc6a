// The waiting room as the original client lives it: silent until a host lets it in, and then a member like any other.
import assert from "node:assert/strict";

import { pause, until } from "../../e2e/lib/until.mjs";
import { withServer } from "../lib/meeting.mjs";
import test from "../lib/test.mjs";
import { fromLooseJson, fromStrictJson } from "../lib/wire.mjs";

const scene = withServer();

/** Long enough for a message that must not come to have come. */
const SETTLE_MS = 500;
const WITH_WAITING_ROOM = { features: { waiting_room_features: { is_active: true } } };

const call = (member, path, type, fields) => member.call(path, "CommonResponse", type, fields);

const isWaiting = (update) => fromStrictJson("UserMetadata", update.metadata).waitForApproval;

/** Somebody before the door, listening as far as they are let. */
async function waiting(room, id) {
  const member = await scene.member(room, id);
  const initial = await member.ask("REQ_INITIAL_DATA", "RES_INITIAL_DATA");
  const { localUser } = fromLooseJson("NatsInitialData", initial.msg);
  assert.equal(fromStrictJson("UserMetadata", localUser.metadata).waitForApproval, true);
  await member.goIn();
  return member;
}

test("who waits hears nothing, says nothing and gets no media until a host lets them in", async () => {
  const room = await scene.room(WITH_WAITING_ROOM);
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await waiting(room, "ben");
  await ana.event("USER_JOINED");

  await ana.say("not for ben");
  await ben.say("not yet");
  await ben.send("REQ_MEDIA_SERVER_DATA");
  await ben.ask("PING", "PONG");
  await pause(SETTLE_MS);
  assert.deepEqual([ben.chat, ana.chat], [[], []]);
  assert.ok(!ben.events.some((event) => event.event === "RES_MEDIA_SERVER_DATA"));
  const refused = await call(ben, "waitingRoom/approveUsers", "ApproveWaitingUsersReq", {
    userId: "ben",
  });
  assert.equal(refused.status, false);

  const answer = await call(ana, "waitingRoom/approveUsers", "ApproveWaitingUsersReq", {
    userId: "ben",
  });
  assert.equal(answer.status, true, answer.msg);
  await ben.event("USER_METADATA_UPDATE", {
    where: (event) => {
      const update = fromLooseJson("NatsUserMetadataUpdate", event.msg);
      return update.userId === "ben" && isWaiting(update) === false;
    },
  });

  assert.equal((await ben.goIn()).length, 2);
  await ben.ask("REQ_MEDIA_SERVER_DATA", "RES_MEDIA_SERVER_DATA");
  await ana.say("for ben");
  await until("ben to hear", () => ben.chat.some((line) => line.message === "for ben"));
  await ben.say("thank you");
  await until("ana to hear", () => ana.chat.some((line) => line.message === "thank you"));
});

test("everybody is let in at once, and stays in over kill -9", async () => {
  const room = await scene.room(WITH_WAITING_ROOM);
  const ana = await scene.inside(room, "ana", { admin: true });
  const [ben, eva] = [await waiting(room, "ben"), await waiting(room, "eva")];

  const answer = await call(ana, "waitingRoom/approveUsers", "ApproveWaitingUsersReq", {
    userId: "all",
  });
  assert.equal(answer.status, true, answer.msg);
  for (const member of [ben, eva]) {
    await member.ask("REQ_MEDIA_SERVER_DATA", "RES_MEDIA_SERVER_DATA");
  }

  await scene.server.kill();
  const after = ben.events.length;
  await scene.server.launch();
  await ben.event("ROOM_METADATA_UPDATE", { after, timeout: 30_000 });
  await ben.ask("REQ_MEDIA_SERVER_DATA", "RES_MEDIA_SERVER_DATA");
});

test("the text of the waiting room reaches those who wait", async () => {
  const room = await scene.room(WITH_WAITING_ROOM);
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await waiting(room, "ben");

  const answer = await call(ana, "waitingRoom/updateMsg", "UpdateWaitingRoomMessageReq", {
    msg: "we start at nine",
  });

  assert.equal(answer.status, true, answer.msg);
  await ben.event("ROOM_METADATA_UPDATE", {
    where: (event) =>
      fromLooseJson("RoomMetadata", event.msg).roomFeatures.waitingRoomFeatures.waitingRoomMsg ===
      "we start at nine",
  });
});
