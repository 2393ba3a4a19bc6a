// Polls and breakout rooms as the original client runs them: its messages, its order, nothing of ours.
import assert from "node:assert/strict";

import { until } from "../../e2e/lib/until.mjs";
import { withServer } from "../lib/meeting.mjs";
import { Member } from "../lib/member.mjs";
import test from "../lib/test.mjs";
import { decode, encode, enumValue, fromLooseJson } from "../lib/wire.mjs";

const scene = withServer();

/** Two reconnect attempts of the library, which are two seconds apart, and a start of the server. */
const BACK_MS = 30_000;
const FEATURES = {
  features: {
    polls_features: { is_allow: true },
    breakout_room_features: { is_allow: true, allowed_number_rooms: 6 },
    external_media_player_features: { is_allow: true },
  },
};

async function call(member, path, ...rest) {
  const answer = await member.call(path, ...rest);
  assert.equal(answer.http, 200);
  return answer;
}

const poll = (member, path, ...body) => call(member, `polls/${path}`, "PollResponse", ...body);
const breakout = (member, path, ...body) =>
  call(member, `breakoutRoom/${path}`, "BreakoutRoomRes", ...body);

function assertDone(answer) {
  assert.equal(answer.status, true, answer.msg);
  assert.equal(answer.msg, "success");
  return answer;
}

/** A data message to everybody. */
function tellAll(member, type, message) {
  const subject = `${member.admission.natsSubjects.dataChannel}.${member.room}`;
  const payload = encode("DataChannelMessage", {
    id: crypto.randomUUID(),
    type: enumValue("DataMsgBodyType", type),
    fromUserId: member.id,
    message,
  });
  member.nc.publish(subject, payload);
}

const featuresIn = (event) => fromLooseJson("RoomMetadata", event.msg).roomFeatures;

async function createPoll(admin, room) {
  const created = await poll(admin, "create", "CreatePollReq", {
    roomId: room,
    userId: admin.id,
    question: "Where to?",
    options: [
      { id: 1, text: "north" },
      { id: 2, text: "south" },
    ],
  });
  return assertDone(created).pollId;
}

const submit = (member, room, pollId, option, userId = member.id) =>
  poll(member, "submitResponse", "SubmitPollResponseReq", {
    roomId: room,
    userId,
    name: userId,
    pollId,
    selectedOption: BigInt(option),
  });

test("a poll is made, voted in once by each, counted, closed and read by everybody", async () => {
  const room = await scene.room(FEATURES);
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");

  const activated = await call(ana, "polls/activate", "CommonResponse", "ActivatePollsReq", {
    roomId: room,
    isActive: true,
  });
  assertDone(activated);
  await ben.event("ROOM_METADATA_UPDATE", {
    where: (event) => featuresIn(event).pollsFeatures.isActive,
  });
  const pollId = await createPoll(ana, room);
  const announced = await ben.event("POLL_CREATED");
  assert.equal(announced.msg, pollId);
  assert.ok(announced.subject.startsWith(ben.admission.natsSubjects.systemPrivate));
  const { polls } = assertDone(await poll(ben, "listPolls"));
  assert.deepEqual(
    [polls[0].question, polls[0].isRunning, polls[0].createdBy],
    ["Where to?", true, "ana"],
  );

  assertDone(await submit(ben, room, pollId, 2, "ana"));
  tellAll(ben, "NEW_POLL_RESPONSE", pollId);
  await until("word of the vote", () => ana.data.some((message) => message.message === pollId));
  assert.equal((await submit(ben, room, pollId, 1)).msg, "user already voted");
  assertDone(await submit(ana, room, pollId, 2));
  const own = assertDone(await poll(ben, `userSelectedOption/${pollId}/ben`));
  assert.equal(own.voted, 2n);
  const details = assertDone(await poll(ana, `pollResponsesDetails/${pollId}`)).responses;
  assert.equal(details.total_resp, "2");
  assert.deepEqual(JSON.parse(details.all_respondents), ["ana:2:ana", "ben:2:ben"]);
  const early = await poll(ben, `pollResponsesResult/${pollId}`);
  assert.equal(early.msg, "need to wait until poll close");

  const close = { roomId: room, userId: "ana", pollId };
  assertDone(await poll(ana, "closePoll", "ClosePollReq", close));
  assert.equal((await ben.event("POLL_CLOSED")).msg, pollId);
  const result = assertDone(await poll(ben, `pollResponsesResult/${pollId}`)).pollResponsesResult;
  assert.deepEqual([result.totalResponses, result.options[1].voteCount], [2n, 2n]);
});

test("votes survive kill -9", async () => {
  const room = await scene.room(FEATURES);
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");
  const pollId = await createPoll(ana, room);
  assertDone(await submit(ben, room, pollId, 1));

  await scene.server.kill();
  await scene.server.launch();

  const total = assertDone(await poll(ana, `countTotalResponses/${pollId}`));
  assert.equal(total.totalResponses, 1n);
  assert.equal((await submit(ben, room, pollId, 2)).msg, "user already voted");
});

test("breakout rooms: invited, joined, extended, told, ended, and back", async () => {
  const room = await scene.room(FEATURES);
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");
  const created = await breakout(ana, "create", "CreateBreakoutRoomsReq", {
    roomId: room,
    requestedUserId: "ana",
    duration: 15n,
    welcomeMsg: "Hello",
    rooms: [
      { id: "1", title: "Room 1", users: [{ id: "ben", name: "ben", joined: false }] },
      { id: "2", title: "Room 2", users: [{ id: "ana", name: "ana", joined: false }] },
    ],
  });
  assertDone(created);
  const invitation = await ben.event("JOIN_BREAKOUT_ROOM");
  assert.equal(invitation.msg, `${room}-1`);
  await ben.event("ROOM_METADATA_UPDATE", {
    where: (event) => featuresIn(event).breakoutRoomFeatures.isActive,
  });

  const join = { breakoutRoomId: invitation.msg, userId: "ben", roomId: room, isAdmin: false };
  const { token } = assertDone(await breakout(ben, "join", "JoinBreakoutRoomReq", join));
  const inside = await Member.enter({ origin: scene.server.origin, token });
  try {
    const initial = await inside.ask("REQ_INITIAL_DATA", "RES_INITIAL_DATA");
    const data = fromLooseJson("NatsInitialData", initial.msg);
    const metadata = fromLooseJson("RoomMetadata", data.room.metadata);
    assert.deepEqual(
      [metadata.isBreakoutRoom, metadata.parentRoomId, metadata.roomTitle, metadata.welcomeMessage],
      [true, room, "Room 1", "Hello"],
    );
    await inside.goIn();
    const { rooms } = assertDone(await breakout(ana, "listRooms"));
    assert.deepEqual(
      [rooms[0].started, rooms[0].users[0].joined, rooms[1].started],
      [true, true, false],
    );
    assert.equal(assertDone(await breakout(ben, "myRooms")).room.id, `${room}-1`);

    const more = { breakoutRoomId: `${room}-1`, duration: 5n, roomId: room };
    assertDone(await breakout(ana, "increaseDuration", "IncreaseBreakoutRoomDurationReq", more));
    await inside.event("ROOM_METADATA_UPDATE", {
      where: (event) => featuresIn(event).roomDuration === 20n,
    });
    const say = { msg: "five minutes", roomId: room };
    assertDone(await breakout(ana, "sendMsg", "BroadcastBreakoutRoomMsgReq", say));
    assert.equal((await inside.event("SYSTEM_CHAT_MSG")).msg, "five minutes");

    const [after, before] = [inside.events.length, ben.events.length];
    await scene.server.kill();
    await scene.server.launch();
    await inside.event("ROOM_METADATA_UPDATE", { after, timeout: BACK_MS });
    await ben.event("ROOM_METADATA_UPDATE", { after: before, timeout: BACK_MS });

    const end = { breakoutRoomId: `${room}-1`, roomId: room };
    assertDone(await breakout(ana, "endRoom", "EndBreakoutRoomReq", end));
    const farewell = await inside.event("SESSION_ENDED");
    assert.equal(farewell.msg, "notifications.room-disconnected-room-ended");
    assert.equal((await ben.event("BREAKOUT_ROOM_ENDED", { timeout: BACK_MS })).msg, `${room}-1`);
  } finally {
    await inside.leave();
  }
  assertDone(await breakout(ana, "endAllRooms", "EndBreakoutRoomReq", { roomId: room }));
  assert.equal((await breakout(ana, "listRooms")).msg, "no breakout rooms found");
});

test("breakout rooms end with the meeting", async () => {
  const room = await scene.room(FEATURES);
  const ana = await scene.inside(room, "ana", { admin: true });
  const wish = { roomId: room, rooms: [{ id: "1", title: "Room 1", users: [{ id: "ana" }] }] };
  assertDone(await breakout(ana, "create", "CreateBreakoutRoomsReq", wish));
  const active = async () => {
    const { body } = await scene.server.api("/room/isRoomActive", { room_id: `${room}-1` });
    return body.is_active;
  };
  assert.equal(await active(), true);

  assertDone(await call(ana, "endRoom", "RoomEndRes", "RoomEndReq", { roomId: room }));

  await until("the breakout room to end", async () => !(await active()));
});

test("a late joiner's player begins where the presenter's is", async () => {
  const room = await scene.room(FEATURES);
  const ana = await scene.inside(room, "ana", { admin: true });
  const url = "https://video.example.org/a.mp4";
  const started = await call(
    ana,
    "externalMediaPlayer",
    "CommonResponse",
    "ExternalMediaPlayerReq",
    { task: enumValue("ExternalMediaPlayerTask", "START_PLAYBACK"), url, roomId: room },
  );
  assertDone(started);
  const seeked = JSON.stringify({ action: "pause", seekTo: 61.5 });
  tellAll(ana, "EXTERNAL_MEDIA_PLAYER_EVENTS", seeked);
  await ana.ask("PING", "PONG");

  const ben = await scene.inside(room, "ben");

  const said = await until("word of the player", () => {
    const private_ = ben.events.filter((event) => event.event === "DELIVERY_PRIVATE_DATA");
    const messages = private_.map((event) => decode("DataChannelMessage", event.bin));
    return messages.length >= 2 ? messages : undefined;
  });
  assert.deepEqual(
    said.map((message) => [message.fromUserId, JSON.parse(message.message)]),
    [
      ["ana", { action: "seeked", seekTo: 61.5 }],
      ["ana", { action: "pause", seekTo: 61.5 }],
    ],
  );
});
