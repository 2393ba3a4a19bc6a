// What moderators do, and what others cannot do instead of them, with the official NATS library and hand-made requests.
import assert from "node:assert/strict";

import { until } from "../../e2e/lib/until.mjs";
import { withServer } from "../lib/meeting.mjs";
import { dial, verifyToken } from "../lib/member.mjs";
import test from "../lib/test.mjs";
import { decode, encode, enumValue, fromLooseJson, fromStrictJson } from "../lib/wire.mjs";

const scene = withServer();

const REMOVED = "notifications.room-disconnected-participant-removed";
const NOT_ALLOWED = "only admin can perform this task";

const call = (member, path, type, fields) => member.call(path, "CommonResponse", type, fields);

async function done(member, path, type, fields) {
  const answer = await call(member, path, type, fields);
  assert.equal(answer.status, true, `${path}: ${answer.msg}`);
}

/** Somebody inside who also knows the session. */
async function inside(room, id, options) {
  const member = await scene.inside(room, id, options);
  const initial = member.events.find((event) => event.event === "RES_INITIAL_DATA");
  member.sid = fromLooseJson("NatsInitialData", initial.msg).room.roomSid;
  return member;
}

async function meeting(options) {
  const room = await scene.room(options);
  const ana = await inside(room, "ana", { admin: true });
  const [ben, eva] = [await inside(room, "ben"), await inside(room, "eva")];
  return { room, ana, ben, eva };
}

const lock = (by, userId, service, direction = "lock") =>
  done(by, "updateLockSettings", "UpdateUserLockSettingsReq", {
    roomSid: by.sid,
    roomId: by.room,
    userId,
    service,
    direction,
  });

const remove = (by, userId, blockUser) =>
  done(by, "removeParticipant", "RemoveParticipantReq", {
    sid: by.sid,
    roomId: by.room,
    userId,
    msg: "notifications.you-have-removed",
    blockUser,
  });

/** A message on one of the open subjects. */
function data(member, type, message = "", { from = member.id, on = "dataChannel" } = {}) {
  member.nc.publish(
    `${member.admission.natsSubjects[on]}.${member.room}`,
    encode("DataChannelMessage", {
      id: crypto.randomUUID(),
      type: enumValue("DataMsgBodyType", type),
      fromUserId: from,
      message,
    }),
  );
}

function privately(member, toUserId, type, bin) {
  return member.send("REQ_PRIVATE_DATA_DELIVERY", {
    msg: JSON.stringify({ to_user_id: toUserId, echo_to_sender: false, type }),
    bin,
  });
}

/** Everything a member published before this has been handled: what comes after it in order is there. */
async function settled(member, witness) {
  const text = `mark ${crypto.randomUUID()}`;
  await member.ask("PING", "PONG");
  await witness.say(text);
  return text;
}

const heard = (member, text) =>
  until(`${member.id} to hear ${text}`, () => member.chat.some((line) => line.message === text));

const latest = (member, user) => {
  const updates = member.events
    .filter((event) => event.event === "USER_METADATA_UPDATE")
    .map((event) => fromLooseJson("NatsUserMetadataUpdate", event.msg))
    .filter((update) => update.userId === user);
  return updates.length ? fromStrictJson("UserMetadata", updates.at(-1).metadata) : undefined;
};

test("a lock holds on the wire and an unlock lets go", async () => {
  const { ana, ben, eva } = await meeting();

  await lock(ana, "ben", "chat");
  await ben.say("locked out");
  await heard(eva, await settled(ben, ana));
  assert.ok(!eva.chat.some((line) => line.message === "locked out"));

  await lock(ana, "ben", "chat", "unlock");
  await ben.say("back again");
  await heard(eva, "back again");
});

test("an attendee who talks to the server by hand moderates nobody", async () => {
  const { room, ana, ben, eva } = await meeting();
  const [anas, evas] = [ana.events.length, eva.events.length];
  const wishes = [
    [
      "updateLockSettings",
      "UpdateUserLockSettingsReq",
      { roomSid: ben.sid, userId: "all", service: "chat", direction: "lock" },
    ],
    ["muteUnmuteTrack", "MuteUnMuteTrackReq", { sid: ben.sid, userId: "all", muted: true }],
    ["removeParticipant", "RemoveParticipantReq", { sid: ben.sid, userId: "eva", blockUser: true }],
    ["switchPresenter", "SwitchPresenterReq", { userId: "ben" }],
    ["changeVisibility", "ChangeVisibilityRes", { visibleWhiteBoard: true }],
    ["sharedNotepad/changeStatus", "ChangeSharedNotepadStatusReq", { isActive: true }],
    ["externalDisplayLink", "ExternalDisplayLinkReq", { url: "https://example.org/" }],
    ["waitingRoom/approveUsers", "ApproveWaitingUsersReq", { userId: "all" }],
    ["waitingRoom/updateMsg", "UpdateWaitingRoomMessageReq", { msg: "x" }],
    ["endRoom", "RoomEndReq", {}],
    ["plenum/blocked", "plenum.BlockedReq", {}],
    ["plenum/unblock", "plenum.UnblockReq", { userId: "eva" }],
    ["plenum/spotlight", "plenum.SpotlightReq", { userIds: ["ben"] }],
    ["plenum/selfUnmute", "plenum.SelfUnmuteReq", { isAllowed: false }],
    ["plenum/ask", "plenum.AskReq", { userId: "eva", device: 1 }],
    ["plenum/stop", "plenum.StopReq", { userId: "eva", device: 2 }],
    ["plenum/muteAll", "plenum.MuteAllReq", { includingModerators: true }],
    ["plenum/lobby", "plenum.LobbyReq", { isOn: true }],
    ["plenum/panic", "plenum.PanicReq", { isOn: true }],
  ];
  for (const [path, type, fields] of wishes) {
    const named = path.startsWith("plenum/")
      ? fields
      : { roomId: room, requestedUserId: "ana", ...fields };
    const answer = await call(ben, path, type, named);
    assert.deepEqual([answer.status, answer.msg], [false, NOT_ALLOWED], path);
  }

  await eva.send("REQ_RAISE_HAND");
  await ben.event("USER_METADATA_UPDATE");
  await ben.send("REQ_LOWER_OTHER_USER_HAND", { msg: "eva" });
  await ben.send("REQ_LOWER_OTHER_USER_HAND", { msg: "all" });
  const info = (type) =>
    encode("DataChannelMessage", {
      id: "i1",
      type: enumValue("DataMsgBodyType", type),
      fromUserId: "ben",
      toUserId: "eva",
      message: "open your microphone",
    });
  for (const type of ["INFO", "ALERT", "PUSH_JOIN_BREAKOUT_ROOM", "EXTERNAL_MEDIA_PLAYER_EVENTS"]) {
    await privately(ben, "eva", "DATA_MSG", info(type));
  }
  await heard(eva, await settled(ben, ana));

  assert.ok(latest(ana, "eva").raisedHand.isRaised, "the hand is still up");
  const others = (member, from) => member.events.slice(from).map((event) => event.event);
  const own = ["USER_METADATA_UPDATE", "SYSTEM_NOTIFICATION"];
  assert.deepEqual(
    others(ana, anas).filter((event) => !own.includes(event)),
    [],
  );
  assert.deepEqual(others(eva, evas), ["USER_METADATA_UPDATE"]);
});

test("nobody speaks for another, to everybody or to one", async () => {
  const { ana, ben, eva } = await meeting();
  await ben.say("as ana", { fromUserId: "ana", fromName: "ana", fromAdmin: true });
  await ben.say("as system", { fromUserId: "system" });
  await ben.say("as ben", { fromName: "Ana", fromAdmin: true });
  for (const type of ["USER_VISIBILITY_CHANGE", "REACTION", "NEW_POLL_RESPONSE"]) {
    data(ben, type, "hidden", { from: "eva" });
  }
  for (const type of ["FILE_UPLOAD", "INFO", "ALERT", "EXTERNAL_MEDIA_PLAYER_EVENTS"]) {
    data(ben, type, "x");
  }
  for (const type of [
    "PAGE_CHANGE",
    "FILE_CHANGE",
    "WHITEBOARD_APP_STATE_CHANGE",
    "SCENE_UPDATE",
  ]) {
    data(ben, type, "2", { on: "whiteboard" });
  }
  const line = encode("ChatMessage", {
    id: "p1",
    fromUserId: "ana",
    toUserId: "eva",
    isPrivate: true,
    message: "as ana, privately",
  });
  await privately(ben, "eva", "CHAT", line);
  await heard(eva, await settled(ben, ana));

  const from = (member) => member.chat.filter((line) => line.message.startsWith("as "));
  for (const member of [ana, eva]) {
    assert.deepEqual(
      from(member).map((line) => [line.message, line.fromUserId, line.fromName, line.fromAdmin]),
      [["as ben", "ben", "ben", false]],
    );
    assert.deepEqual(member.data, []);
    assert.ok(!member.events.some((event) => event.event === "DELIVERY_PRIVATE_DATA"));
  }
});

test("whoever is sent out is out: socket, token, calls and coming back", async () => {
  const { ana, ben, eva } = await meeting();
  const closed = ben.nc.closed();

  await remove(ana, "ben", true);

  const ended = await ben.event("SESSION_ENDED");
  assert.equal(ended.msg, REMOVED);
  await ben.event("SYSTEM_NOTIFICATION", {
    where: (event) => event.msg.includes("notifications.you-have-removed"),
  });
  await eva.event("USER_OFFLINE");
  const refused = await verifyToken(scene.server.origin, ben.token);
  assert.deepEqual([refused.status, refused.msg], [false, "notifications.you-are-blocked"]);
  assert.equal((await call(ben, "endRoom", "RoomEndReq", { roomId: ben.room })).http, 401);
  await assert.rejects(dial(ben.admission.natsWsUrls[0], ben.token, { reconnect: false }));
  await assert.rejects(scene.token(ben.room, "ben"), /blocked/);
  await ben.nc.close();
  await closed;

  await done(ana, "plenum/unblock", "plenum.UnblockReq", { userId: "ben" });
  const again = await inside(ben.room, "ben");
  await again.say("forgiven");
  await heard(eva, "forgiven");
});

test("locks, hands in their order, the presenter, held microphones and blocks survive kill -9", async () => {
  const { room, ana, ben, eva } = await meeting();
  const cem = await inside(room, "cem");
  await lock(ana, "ben", "chat");
  await lock(ana, "all", "reactions");
  await done(ana, "plenum/selfUnmute", "plenum.SelfUnmuteReq", { isAllowed: false });
  await done(ana, "switchPresenter", "SwitchPresenterReq", { roomId: room, userId: "eva" });
  await eva.send("REQ_RAISE_HAND");
  await ben.send("REQ_RAISE_HAND");
  await remove(ana, "cem", true);
  await cem.nc.close();

  const after = [ana, ben, eva].map((member) => member.events.length);
  await scene.server.kill();
  await scene.server.launch();
  for (const [index, member] of [ana, ben, eva].entries()) {
    await member.event("ROOM_METADATA_UPDATE", { after: after[index], timeout: 30_000 });
  }

  const people = JSON.parse((await ana.ask("REQ_ONLINE_USERS_LIST", "RESP_ONLINE_USERS_LIST")).msg);
  const metadata = Object.fromEntries(
    people.map((person) => [person.user_id, fromStrictJson("UserMetadata", person.metadata)]),
  );
  assert.equal(metadata.ben.lockSettings.lockChat, true);
  assert.equal(metadata.eva.lockSettings.lockReactions, true);
  assert.equal(metadata.ben.extraData.plenum_held, "true");
  assert.deepEqual([metadata.eva.isPresenter, metadata.ana.isPresenter], [true, false]);
  assert.ok(metadata.eva.raisedHand.isRaised && metadata.ben.raisedHand.isRaised);
  assert.ok(metadata.eva.raisedHand.raisedAt < metadata.ben.raisedHand.raisedAt);
  await assert.rejects(scene.token(room, "cem"), /blocked/);

  await ben.say("still locked");
  await heard(eva, await settled(ben, ana));
  assert.ok(!eva.chat.some((line) => line.message === "still locked"));
});

test("an ask comes as words for every client and as a notice for those that know it", async () => {
  const { ana, ben } = await meeting();
  const after = ben.events.length;
  await done(ana, "plenum/ask", "plenum.AskReq", { userId: "ben", device: 2 });
  const event = await ben.event("SYSTEM_NOTIFICATION", { after });
  const words = fromStrictJson("NatsSystemNotification", event.msg);
  assert.equal(words.msg, "A moderator asks you to turn your camera on.");
  const { what } = decode("plenum.Notice", event.bin);
  assert.deepEqual([what.case, what.value.device, what.value.byUserId], ["asked", 2, "ana"]);
});

test("a meeting at rest comes back as it was", async () => {
  const { ana, ben, eva } = await meeting();
  await done(ana, "plenum/panic", "plenum.PanicReq", { isOn: true });
  await ben.say("shouting");
  await heard(eva, await settled(ben, ana));
  assert.ok(!eva.chat.some((line) => line.message === "shouting"));

  await done(ana, "plenum/panic", "plenum.PanicReq", { isOn: false });
  await ben.say("calm");
  await heard(eva, "calm");
});
