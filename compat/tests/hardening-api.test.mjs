// The hardening list (meeting-protocol.md section 20), line by line: calls, files, media and presence. Somebody with a valid
// token and a client of their own making tries each, fails, and nobody else notices. The lines about messages are in
// hardening.test.mjs; D1, what an address may do to the client's looks, is the client's own and tested there.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import { until } from "../../e2e/lib/until.mjs";
import {
  call,
  claimsOf,
  fails,
  forge,
  handed,
  hears,
  meeting,
  privately,
  stillTalk,
  whisper,
} from "../lib/cheat.mjs";
import { mediaAccess } from "../lib/media-access.mjs";
import { dial } from "../lib/member.mjs";
import { withServer } from "../lib/meeting.mjs";
import test from "../lib/test.mjs";
import { enumValue, fromLooseJson, fromStrictJson } from "../lib/wire.mjs";

const scene = withServer();

const PNG = Buffer.concat([
  Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"),
  randomBytes(1_000),
]);
const ACTIVITIES = {
  polls_features: { is_allow: true },
  breakout_room_features: { is_allow: true, allowed_number_rooms: 6 },
  display_external_link_features: { is_allow: true },
  external_media_player_features: { is_allow: true },
};
const FILES = { chat_features: { is_allow: true, is_allow_file_upload: true } };
const LOBBY = { waiting_room_features: { is_active: true } };

/** What the stock client's upload sends for one piece, with anything changed. */
async function upload(member, content, fields = {}) {
  const query = new URLSearchParams({
    resumableChunkNumber: 1,
    resumableChunkSize: content.length,
    resumableCurrentChunkSize: content.length,
    resumableTotalSize: content.length,
    resumableTotalChunks: 1,
    resumableIdentifier: "id-1",
    resumableFilename: "a.png",
    roomSid: "",
    roomId: member.room,
    userId: member.id,
    ...fields,
  });
  const form = new FormData();
  form.append("file", new Blob([content]), "blob");
  const answer = await fetch(`${scene.server.origin}/api/fileUpload?${query}`, {
    method: "POST",
    headers: { Authorization: member.token },
    body: form,
  });
  return { status: answer.status, text: await answer.text() };
}

const merge = (member, fileType, fields = {}) =>
  call(scene, member.token, "uploadedFileMerge", "UploadedFileRes", "UploadedFileMergeReq", {
    fileType: enumValue("RoomUploadedFileType", fileType),
    resumableIdentifier: "id-1",
    resumableFilename: "a.png",
    resumableTotalChunks: 1,
    ...fields,
  });

const download = (path) =>
  fetch(`${scene.server.origin}/download/uploadedFile/${encodeURIComponent(path)}`);

test("W3: who waits calls nothing but the token check and the upload of a background", async () => {
  const room = await scene.room({ features: { ...ACTIVITIES, ...FILES, ...LOBBY } });
  const ana = await scene.inside(room, "ana", { admin: true });
  const bob = await scene.inside(room, "bob", { admin: true });
  const mallory = await scene.inside(room, "mallory");
  const { pollId } = await call(scene, ana.token, "polls/create", "PollResponse", "CreatePollReq", {
    roomId: room,
    question: "Tea?",
    options: [
      { id: 1, text: "yes" },
      { id: 2, text: "no" },
    ],
  });
  const wishes = [
    ["polls/listPolls", "PollResponse"],
    ["polls/pollsStats", "PollResponse"],
    [`polls/countTotalResponses/${pollId}`, "PollResponse"],
    [`polls/userSelectedOption/${pollId}/mallory`, "PollResponse"],
    [`polls/pollResponsesResult/${pollId}`, "PollResponse"],
    [
      "polls/submitResponse",
      "PollResponse",
      "SubmitPollResponseReq",
      { pollId, selectedOption: 1n },
    ],
    ["breakoutRoom/listRooms", "BreakoutRoomRes"],
    ["breakoutRoom/myRooms", "BreakoutRoomRes"],
    [
      "breakoutRoom/join",
      "BreakoutRoomRes",
      "JoinBreakoutRoomReq",
      { breakoutRoomId: `${room}-1` },
    ],
    ["getRoomFilesByType", "GetRoomUploadedFilesRes", "GetRoomUploadedFilesReq", { fileType: 0 }],
    ["waitingRoom/approveUsers", "CommonResponse", "ApproveWaitingUsersReq", { userId: "mallory" }],
    ["changeVisibility", "CommonResponse", "ChangeVisibilityRes", { roomId: room }],
    ["endRoom", "RoomEndRes", "RoomEndReq", { roomId: room }],
    ["externalMediaPlayer", "CommonResponse", "ExternalMediaPlayerReq", { task: 1 }],
    ["plenum/polls/csv", "CommonResponse"],
    ["plenum/breakout/help", "BreakoutRoomRes", "BreakoutHelpReq", {}],
  ];
  for (const [path, answerType, type, fields] of wishes) {
    const answer = await call(scene, mallory.token, path, answerType, type, fields);
    assert.equal(answer.status, false, `${path}: ${answer.msg}`);
  }
  assert.equal((await upload(mallory, PNG)).status, 200);
  for (const type of ["CHAT_FILE", "WHITEBOARD_IMAGE_FILE", "EXTERNAL_MEDIA_PLAYER_FILE"]) {
    assert.equal((await merge(mallory, type)).status, false, type);
  }
  const background = await merge(mallory, "VIRTUAL_BACKGROUND");
  assert.equal(background.status, true, background.msg);
  await stillTalk(ana, bob);
});

test("P1: votes, places in breakout rooms and files are those of the token's owner", async () => {
  const all = await meeting(scene, { features: { ...ACTIVITIES, ...FILES } });
  const { ana, eva, mallory, room } = all;
  const question = { question: "Tea?", options: [1, 2].map((id) => ({ id, text: `${id}` })) };
  const create = () =>
    call(scene, ana.token, "polls/create", "PollResponse", "CreatePollReq", question);
  const { pollId } = await create();
  const closed = (await create()).pollId;
  const close = { pollId: closed };
  await call(scene, ana.token, "polls/closePoll", "PollResponse", "ClosePollReq", close);
  const vote = async (poll, selectedOption) => {
    const fields = { roomId: room, userId: "eva", name: "eva:1:", pollId: poll, selectedOption };
    const answer = await call(
      scene,
      mallory.token,
      "polls/submitResponse",
      "PollResponse",
      "SubmitPollResponseReq",
      fields,
    );
    return answer.msg;
  };
  assert.equal(await vote(pollId, 7n), "this is not an option of the poll");
  assert.equal(await vote(closed, 1n), "this poll is closed");
  assert.equal(await vote("no-such-poll", 1n), "poll not found");
  assert.equal(await vote(pollId, 1n), "success");
  assert.equal(await vote(pollId, 2n), "user already voted");
  const others = await call(
    scene,
    mallory.token,
    `polls/userSelectedOption/${pollId}/eva`,
    "PollResponse",
  );
  assert.equal(others.status, false);
  const path = `polls/pollResponsesDetails/${pollId}`;
  const { responses } = await call(scene, ana.token, path, "PollResponse");
  assert.equal(responses.all_respondents, '["mallory:1:mallory"]');

  const made = await call(
    scene,
    ana.token,
    "breakoutRoom/create",
    "BreakoutRoomRes",
    "CreateBreakoutRoomsReq",
    {
      roomId: room,
      rooms: [{ id: "1", title: "Room 1", users: [{ id: "eva" }] }],
    },
  );
  assert.equal(made.status, true, made.msg);
  const wish = { breakoutRoomId: `${room}-1`, userId: "eva", isAdmin: true };
  const joined = await call(
    scene,
    mallory.token,
    "breakoutRoom/join",
    "BreakoutRoomRes",
    "JoinBreakoutRoomReq",
    wish,
  );
  assert.equal(joined.msg, "user is not allowed to join this breakout room");

  await upload(mallory, PNG, { userId: "eva", roomId: "another", roomSid: "x" });
  const kept = await merge(mallory, "CHAT_FILE", { roomId: "another", roomSid: "x" });
  assert.equal(kept.status, true, kept.msg);
  const fields = { fileType: enumValue("RoomUploadedFileType", "CHAT_FILE") };
  const { files } = await call(
    scene,
    eva.token,
    "getRoomFilesByType",
    "GetRoomUploadedFilesRes",
    "GetRoomUploadedFilesReq",
    fields,
  );
  assert.deepEqual(
    files.map((file) => [file.uploadedByUserId, file.uploadedByName]),
    [["mallory", "mallory"]],
  );
  await stillTalk(ana, eva);
});

test("F1: a file opens to its whole path alone", async () => {
  const all = await meeting(scene, { features: FILES });
  await upload(all.mallory, PNG);
  const { filePath } = await merge(all.mallory, "CHAT_FILE");
  assert.equal((await download(filePath)).status, 200);
  const [session, secret, name] = filePath.split("/");
  await fails(all, async () => {
    for (const guess of [
      session,
      `${session}/`,
      `${session}/${name}`,
      `${session}/${"0".repeat(secret.length)}/${name}`,
      `${session}/${secret}/../${secret}/${name}`,
      `${session}/${secret}/`,
      `../plenum.db`,
      `${session}/../../config.yaml`,
      `/etc/passwd`,
      `${session}/${secret}/${name}%00.txt`,
    ]) {
      const { status } = await download(guess);
      assert.ok([400, 404].includes(status), `${guess} answers ${status}`);
    }
  });
});

test("F2: names, kinds and sizes are what the bytes say, and no name overwrites another", async () => {
  const all = await meeting(scene, {
    features: {
      chat_features: { ...FILES.chat_features, max_file_size: 1, allowed_file_types: ["png"] },
    },
  });
  const { mallory } = all;
  await fails(all, async () => {
    const page = Buffer.from("<html><script>alert(1)</script></html>");
    assert.equal((await upload(mallory, page)).status, 415, "a page is no picture");
    const large = Buffer.concat([PNG, randomBytes(2 << 20)]);
    const lied = { resumableTotalSize: 100, resumableIdentifier: "id-large" };
    // The server may stop listening before all was said.
    const { status } = await upload(mallory, large, lied).catch(() => ({ status: 0 }));
    const merged = await merge(mallory, "CHAT_FILE", { resumableIdentifier: "id-large" });
    assert.ok(
      status !== 200 || merged.status === false,
      "the size that counts is that of the bytes",
    );
  });
  const paths = [];
  for (const resumableIdentifier of ["../../one", "two"]) {
    await upload(mallory, PNG, { resumableIdentifier });
    const names = { resumableIdentifier, resumableFilename: "../../../<b>.png" };
    const { status, msg, filePath, fileName } = await merge(mallory, "CHAT_FILE", names);
    assert.equal(status, true, msg);
    assert.ok(!fileName.includes("/") && !fileName.includes("<"), fileName);
    paths.push(filePath);
  }
  assert.notEqual(paths[0], paths[1]);
  const answer = await download(paths[0]);
  assert.match(answer.headers.get("content-disposition"), /^attachment/);
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
});

test("M1: a media token gives no power over the room, and only what locks and features leave", async () => {
  const room = await scene.room({
    features: { allow_screen_share: false },
    metadata: { default_lock_settings: { lock_webcam: true } },
  });
  const ana = await scene.inside(room, "ana", { admin: true });
  const eva = await scene.inside(room, "eva");
  const mallory = await scene.inside(room, "mallory");
  const ghost = await scene.inside(room, "ghost", { is_hidden: true });
  const videoOf = async (member) => claimsOf((await mediaAccess(member)).token).video;
  const [host, guest, watcher] = [await videoOf(ana), await videoOf(mallory), await videoOf(ghost)];
  for (const video of [host, guest, watcher]) {
    assert.ok(!video.roomAdmin && !video.roomCreate && !video.roomList && !video.roomRecord);
    assert.equal(video.canPublishData, false);
    assert.equal(video.room, room);
  }
  assert.deepEqual(guest.canPublishSources, ["microphone"]);
  assert.deepEqual([watcher.hidden, watcher.canPublish], [true, false]);

  const { token } = await mediaAccess(mallory);
  for (const method of [
    "ListParticipants",
    "DeleteRoom",
    "RemoveParticipant",
    "MutePublishedTrack",
  ]) {
    const answer = await fetch(`${scene.server.origin}/twirp/livekit.RoomService/${method}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify({ room, identity: "eva" }),
    });
    assert.ok([401, 403].includes(answer.status), `${method} answers ${answer.status}`);
  }
  await stillTalk(ana, eva);
});

test("M2: without the list of people attendees know of moderators and themselves", async () => {
  const room = await scene.room({ features: { allow_view_other_users_list: false } });
  const ana = await scene.inside(room, "ana", { admin: true });
  const mallory = await scene.inside(room, "mallory");
  const eva = await scene.inside(room, "eva");
  await eva.send("REQ_RAISE_HAND", { msg: "eva" });
  await eva.say("to the hosts");
  await hears(ana, "to the hosts");
  const before = handed(eva).length;
  await privately(mallory, "eva", "CHAT", whisper("mallory", "eva", "found you"));
  const lists = [mallory.people.map(({ userId }) => userId)];
  const list = await mallory.ask("REQ_ONLINE_USERS_LIST", "RESP_ONLINE_USERS_LIST");
  lists.push(JSON.parse(list.msg).map((person) => person.user_id));
  await eva.leave();
  await ana.event("USER_DISCONNECTED");
  await mallory.ask("PING", "PONG");

  for (const known of lists) assert.deepEqual(known.sort(), ["ana", "mallory"]);
  assert.equal(handed(eva).length, before);
  assert.deepEqual(mallory.chat, []);
  const about = mallory.events.filter(({ msg }) => msg.includes('"eva') || msg.includes('\\"eva'));
  assert.deepEqual(
    about.map(({ event }) => event),
    [],
  );
  await ana.say("to everybody");
  await hears(mallory, "to everybody");
});

test("D2: pages and films come from https on other, public hosts", async () => {
  const all = await meeting(scene, { features: ACTIVITIES });
  const { ana, eva } = all;
  const own = scene.server.origin;
  const refused = [
    "http://example.org/",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "//example.org/",
    own,
    `${own.replace("http:", "https:")}/`,
    "",
  ];
  for (const url of refused) {
    for (const [path, type] of [
      ["externalDisplayLink", "ExternalDisplayLinkReq"],
      ["externalMediaPlayer", "ExternalMediaPlayerReq"],
    ]) {
      const answer = await call(scene, ana.token, path, "CommonResponse", type, { task: 0, url });
      assert.equal(answer.status, false, `${path} of ${url}`);
    }
  }
  await stillTalk(ana, eva);
  assert.ok(!eva.events.some(({ event }) => event === "ROOM_METADATA_UPDATE"));
});

test("A1: what only a configured and allowed engine may do is not done", async () => {
  const all = await meeting(scene);
  await fails(all, async () => {
    for (const path of [
      "insights/ai/textChat/execute",
      "insights/translation/chat/execute",
      "insights/transcription/userSession",
      "insights/transcription/configure",
      "insights/ai/textChat/configure",
    ]) {
      for (const member of [all.mallory, all.ana]) {
        const answer = await call(
          scene,
          member.token,
          path,
          "CommonResponse",
          "CommonResponse",
          {},
        );
        assert.equal(answer.status, false, path);
        assert.ok(answer.msg, "in words");
      }
    }
  });
});

test("R1: nobody becomes a recorder by a name, and a recorder's places are not theirs", async () => {
  const all = await meeting(scene);
  const { mallory, room } = all;
  const { secret } = scene.server.setup;
  await assert.rejects(
    scene.token(room, "x", { name: "PLUGNMEET_RECORDER_AUTH" }),
    /reserved for internal use/,
  );
  for (const id of ["ingres_1", "sip_1", "pnm_agent-x", "x-native", "system"]) {
    await assert.rejects(scene.token(room, id), /reserved/, id);
  }
  await fails(
    all,
    async () => {
      const named = forge(
        mallory.token,
        (claims) => (claims.name = "PLUGNMEET_RECORDER_AUTH"),
        secret,
      );
      const url = mallory.admission.natsWsUrls[0];
      const socket = await dial(url, named, { reconnect: false }).catch(() => undefined);
      if (!socket) return;
      const refused = [];
      for (const subject of ["recorderChannel", "$KV.pnm-recorderInfo.>", "$JS.API.>"]) {
        socket.subscribe(subject, { callback: (error) => error && refused.push(subject) });
      }
      await until("each to be refused", () => refused.length === 3);
      await socket.close();
    },
    // It is the same person's next connection, and gone again.
    { survives: false, heard: ["USER_DISCONNECTED", "USER_OFFLINE", "USER_JOINED"] },
  );
});

test("nobody learns of hidden people, whatever they ask", async () => {
  const all = await meeting(scene, { features: ACTIVITIES });
  const { room, ana, eva, mallory } = all;
  await fails(all, async () => {
    const ghost = await scene.inside(room, "ghost", { is_hidden: true });
    await ghost.say("boo");
    await ghost.send("REQ_RAISE_HAND", { msg: "boo" });
    await ghost.ask("PING", "PONG");
    await ghost.leave();
  });
  for (const member of [ana, eva, mallory]) {
    const list = await member.ask("REQ_ONLINE_USERS_LIST", "RESP_ONLINE_USERS_LIST");
    const people = JSON.parse(list.msg).map((user) =>
      fromStrictJson("NatsKvUserInfo", JSON.stringify(user)),
    );
    assert.ok(!people.some(({ userId }) => userId === "ghost"));
    assert.ok(!member.events.some(({ msg }) => msg.includes("ghost")));
  }
  const { body } = await scene.server.api("/room/getActiveRoomInfo", { room_id: room });
  assert.ok(!JSON.stringify(body).includes("ghost"));
  assert.ok(fromLooseJson("RoomMetadata", body.room.room_info.metadata).roomTitle);
});
