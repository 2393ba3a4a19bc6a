// The hardening list (meeting-protocol.md section 20), line by line: messages, waiting people, sessions and limits. A raw
// NATS client with a valid token tries each, fails, and nobody else notices. The lines about calls, files and media are in
// hardening-api.test.mjs.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { headers } from "@nats-io/nats-core";

import { until } from "../../e2e/lib/until.mjs";
import {
  call,
  dataMessage,
  fails,
  forge,
  handed,
  hears,
  meeting,
  metadataOf,
  moderate,
  privately,
  publish,
  stillTalk,
  whisper,
} from "../lib/cheat.mjs";
import { dial, verifyToken } from "../lib/member.mjs";
import { withServer } from "../lib/meeting.mjs";
import test from "../lib/test.mjs";
import { decode, encode, enumValue, fromLooseJson, fromStrictJson } from "../lib/wire.mjs";

const scene = withServer();

const LOBBY = { features: { waiting_room_features: { is_active: true } } };
/** Every kind of data message that the original protocol knows, and two it does not. */
const KINDS = [...Array(24).keys()].map((index) => index + 1);
const UNKNOWN = [0, 999];

/** What stands for a ciphertext; ours could read it, which the server does not try. */
const SEALED = encode("ChatMessage", { id: "sealed" });

const line = (fields) =>
  encode("ChatMessage", {
    id: randomUUID(),
    fromUserId: "mallory",
    fromName: "mallory",
    message: "cheat",
    sentAt: BigInt(Date.now()),
    ...fields,
  });

test("I1: nobody speaks as another, as the system, or to one person as if to everybody", async () => {
  const all = await meeting(scene);
  const { eva, mallory } = all;
  await fails(all, async () => {
    for (const from of ["ana", "eva", "system", "", "nobody"]) {
      publish(mallory, "chat", line({ fromUserId: from }));
      publish(mallory, "dataChannel", dataMessage(from, "REACTION", { message: "{}" }));
      publish(mallory, "whiteboard", dataMessage(from, "SCENE_UPDATE"));
      await privately(mallory, "eva", "CHAT", whisper(from, "eva", "cheat"));
    }
    publish(mallory, "chat", line({ isPrivate: true, toUserId: "eva" }));
    publish(mallory, "dataChannel", dataMessage("mallory", "REACTION", { toUserId: "eva" }));
    await privately(mallory, "eva", "CHAT", whisper("mallory", "ana", "for another"));
    await privately(mallory, "eva", "CHAT", whisper("mallory", "eva", "x", { isPrivate: false }));
  });

  await mallory.say("as ana", { fromName: "Ana", fromAdmin: true });
  await hears(eva, "as ana");
  const told = eva.chat.find(({ message }) => message === "as ana");
  assert.deepEqual([told.fromName, told.fromAdmin], ["mallory", false]);
});

test("I2: what the server cannot read carries its true sender, whatever header it came with", async () => {
  const sealed = { is_enabled: true, included_chat_messages: true, included_whiteboard: true };
  const room = await scene.room({
    features: { end_to_end_encryption_features: sealed },
    metadata: { default_lock_settings: { lock_whiteboard: false } },
  });
  const eva = await scene.inside(room, "eva", { admin: true });
  const mallory = await scene.inside(room, "mallory");
  const got = [];
  const { chat, dataChannel, whiteboard } = eva.admission.natsSubjects;
  for (const subject of [chat, dataChannel, whiteboard]) {
    eva.nc.subscribe(`${subject}.${room}`, { callback: (error, message) => got.push(message) });
  }
  await eva.nc.flush();

  const lie = headers();
  lie.set("Pnm-From", "ana");
  for (const subject of ["chat", "dataChannel", "whiteboard"]) {
    publish(mallory, subject, SEALED, { headers: lie });
  }
  await privately(mallory, "eva", "CHAT", SEALED);

  await until("three messages", () => got.length === 3);
  assert.deepEqual(
    got.map((message) => message.headers?.values("Pnm-From")),
    [["mallory"], ["mallory"], ["mallory"]],
  );
  await until("the private one", () => handed(eva).length === 1);
  assert.equal(handed(eva)[0].sender, "mallory");
  await eva.ask("PING", "PONG");
});

test("I3: of all kinds of messages an attendee sends only those that attendees may", async () => {
  const all = await meeting(scene, {
    features: { polls_features: { is_allow: true }, whiteboard_features: { is_allow: true } },
  });
  const { eva, mallory } = all;
  const allowed = ["USER_VISIBILITY_CHANGE", "USER_CONNECTION_QUALITY_CHANGE"].map((kind) =>
    enumValue("DataMsgBodyType", kind),
  );
  const forbidden = [...KINDS, ...UNKNOWN].filter((kind) => !allowed.includes(kind));
  const message = (kind) =>
    dataMessage("mallory", kind, { message: "x", binMessage: new Uint8Array(9) });
  await fails(all, async () => {
    for (const kind of forbidden) {
      publish(mallory, "dataChannel", message(kind));
      publish(mallory, "whiteboard", message(kind));
    }
    for (const kind of allowed) publish(mallory, "whiteboard", message(kind));
    publish(mallory, "dataChannel", dataMessage("mallory", allowed[0], { message: "<b>x</b>" }));
    publish(mallory, "dataChannel", dataMessage("mallory", allowed[1], { message: "<b>x</b>" }));
  });

  const questions = ["NOTEPAD_SYNC_REQUEST"].map((kind) => enumValue("DataMsgBodyType", kind));
  await fails(all, async () => {
    for (const kind of KINDS.filter((kind) => !questions.includes(kind))) {
      await privately(mallory, "eva", "DATA_MSG", message(kind));
    }
  });
  assert.deepEqual(handed(eva), []);
});

test("I3: an attendee hands nobody a picture of a board that nobody asked for", async () => {
  const all = await meeting(scene, { features: { whiteboard_features: { is_allow: true } } });
  const question = enumValue("DataMsgBodyType", "WHITEBOARD_SYNC_REQUEST");
  await fails(all, async () => {
    for (const kind of [...KINDS, ...UNKNOWN].filter((kind) => kind !== question)) {
      await privately(all.mallory, "eva", "WHITEBOARD_MSG", dataMessage("mallory", kind));
    }
  });
});

test("I3: each lock of the chat family and of reactions holds on the wire", async () => {
  const all = await meeting(scene, {
    features: { chat_features: { is_allow: true, is_allow_file_upload: true } },
  });
  const { ana, eva, mallory, room, sid } = all;
  const lock = (service, direction) =>
    moderate(scene, ana, "updateLockSettings", "UpdateUserLockSettingsReq", {
      roomSid: sid,
      roomId: room,
      userId: "mallory",
      service,
      direction,
    });
  const emoji = { emoji: "👍" };
  const acts = {
    chat: [
      () => publish(mallory, "chat", line({})),
      () => privately(mallory, "eva", "CHAT", whisper("mallory", "eva", "x")),
      () => privately(mallory, "ana", "CHAT", whisper("mallory", "ana", "x")),
    ],
    sendChatMsg: [() => publish(mallory, "chat", line({}))],
    privateChat: [() => privately(mallory, "eva", "CHAT", whisper("mallory", "eva", "x"))],
    reactions: [
      () =>
        publish(
          mallory,
          "dataChannel",
          dataMessage("mallory", "REACTION", { message: JSON.stringify(emoji) }),
        ),
    ],
  };
  for (const [service, tried] of Object.entries(acts)) {
    await lock(service, "lock");
    await until("the lock to arrive", () => metadataOf(mallory, "mallory")?.lockSettings);
    const before = [ana, eva].map((member) => [member.chat.length, member.data.length]);
    for (const act of tried) await act();
    await mallory.ask("PING", "PONG");
    await stillTalk(ana, eva);
    for (const [at, member] of [ana, eva].entries()) {
      const lines = member.chat.slice(before[at][0]);
      assert.ok(!lines.some(({ fromUserId }) => fromUserId === "mallory"), service);
      assert.equal(member.data.length, before[at][1], service);
      assert.deepEqual(handed(member), [], service);
    }
    await lock(service, "unlock");
  }
  const told = mallory.events.filter(({ event }) => event === "SYSTEM_NOTIFICATION");
  const { what } = decode("plenum.Notice", told[0].bin);
  assert.equal(what.case, "notSent", "who was locked out is told so");
  await mallory.say("free again");
  await hears(eva, "free again");
});

test("I4: private messages reach people of this meeting alone, in three kinds and measured", async () => {
  const all = await meeting(scene);
  const { room, mallory } = all;
  const elsewhere = await scene.inside(await scene.room(), "zoe");
  const ghost = await scene.inside(room, "ghost", { is_hidden: true });
  const before = [elsewhere, ghost].map((member) => handed(member).length);
  await fails(all, async () => {
    for (const whom of ["zoe", "ghost", "nobody", "a.b", ">", "", "all"]) {
      await privately(mallory, whom, "CHAT", whisper("mallory", whom, "x"));
    }
    for (const type of [7, -1]) {
      await privately(mallory, "eva", type, whisper("mallory", "eva", "x"), { type });
    }
    await privately(mallory, "eva", "CHAT", whisper("mallory", "eva", "x".repeat(70_000)));
    await mallory.send("REQ_PRIVATE_DATA_DELIVERY", { msg: "{", bin: new Uint8Array(9) });
  });
  await Promise.all([elsewhere, ghost].map((member) => member.ask("PING", "PONG")));
  assert.deepEqual(
    [elsewhere, ghost].map((member) => handed(member).length),
    before,
  );
});

test("I5: hands of others stay up, and the subject that nobody acknowledges takes reports alone", async () => {
  const all = await meeting(scene);
  const { ana, eva, mallory, room } = all;
  await eva.send("REQ_RAISE_HAND", { msg: "eva" });
  await ana.event("SYSTEM_NOTIFICATION");
  for (const member of [ana, eva]) {
    await until("the hand", () => metadataOf(member, "eva")?.raisedHand?.isRaised);
  }
  const core = `${mallory.admission.natsSubjects.systemCoreWorker}.${room}`;
  await fails(all, async () => {
    await mallory.send("REQ_LOWER_OTHER_USER_HAND", { msg: "eva" });
    await mallory.send("REQ_LOWER_OTHER_USER_HAND", { msg: "all" });
    for (const event of ["REQ_RAISE_HAND", "REQ_INITIAL_DATA", "REQ_MEDIA_SERVER_DATA"]) {
      const asked = { id: "1", event: enumValue("NatsMsgClientToServerEvents", event) };
      mallory.nc.publish(`${core}.mallory`, encode("NatsMsgClientToServer", asked));
      mallory.nc.publish(`${core}.ana`, encode("NatsMsgClientToServer", asked));
    }
  });
  assert.ok(metadataOf(ana, "eva").raisedHand.isRaised);
  assert.ok(!mallory.events.some(({ event }) => event === "RES_MEDIA_SERVER_DATA"));
  assert.ok(!metadataOf(ana, "mallory")?.raisedHand?.isRaised);
});

test("W1: who waits gets no media, hears nothing, says nothing and sees who they are themselves", async () => {
  const room = await scene.room({
    ...LOBBY,
    features: { ...LOBBY.features, polls_features: { is_allow: true } },
  });
  const ana = await scene.inside(room, "ana", { admin: true });
  const bob = await scene.inside(room, "bob", { admin: true });
  const mallory = await scene.inside(room, "mallory");
  for (const host of [ana, bob]) {
    await host.event("USER_JOINED", { where: ({ msg }) => msg.includes('"mallory"') });
  }
  const [toAna, toBob] = [ana, bob].map((member) => member.events.length);

  await ana.say("a secret");
  await mallory.say("let me in");
  await mallory.send("REQ_MEDIA_SERVER_DATA");
  await mallory.send("REQ_RAISE_HAND", { msg: "hello" });
  await privately(mallory, "ana", "CHAT", whisper("mallory", "ana", "psst"));
  const question = dataMessage("mallory", "REQ_PUBLIC_CHAT_DATA", { toUserId: "ana" });
  await privately(mallory, "ana", "DATA_MSG", question);
  publish(
    mallory,
    "dataChannel",
    dataMessage("mallory", "REACTION", { message: '{"emoji":"👍"}' }),
  );
  const list = await mallory.ask("REQ_ONLINE_USERS_LIST", "RESP_ONLINE_USERS_LIST");
  await stillTalk(ana, bob);

  assert.deepEqual(
    JSON.parse(list.msg).map((person) => person.user_id),
    ["mallory"],
  );
  assert.deepEqual([mallory.chat, mallory.data], [[], []]);
  const heard = mallory.events.map(({ event }) => event);
  for (const event of ["RES_MEDIA_SERVER_DATA", "DELIVERY_PRIVATE_DATA", "USER_JOINED"]) {
    assert.ok(!heard.includes(event), event);
  }
  for (const [member, after] of [
    [ana, toAna],
    [bob, toBob],
  ]) {
    assert.deepEqual(
      member.events.slice(after).filter(({ event }) => event !== "PONG"),
      [],
    );
  }
});

test("W2: who is let in has the whole room's metadata before they learn that they are in", async () => {
  const room = await scene.room(LOBBY);
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");
  const initial = ben.events.find(({ event }) => event === "RES_INITIAL_DATA").msg;
  const known = fromLooseJson(
    "RoomMetadata",
    fromLooseJson("NatsInitialData", initial).room.metadata,
  );
  const after = ben.events.length;

  await moderate(scene, ana, "waitingRoom/approveUsers", "ApproveWaitingUsersReq", {
    userId: "ben",
  });

  await ben.event("USER_METADATA_UPDATE", { after });
  const events = ben.events.slice(after);
  const at = (kind) => events.findIndex(({ event }) => event === kind);
  assert.ok(at("ROOM_METADATA_UPDATE") >= 0);
  assert.ok(at("ROOM_METADATA_UPDATE") < at("USER_METADATA_UPDATE"));
  const { metadataId } = fromLooseJson("RoomMetadata", events[at("ROOM_METADATA_UPDATE")].msg);
  assert.notEqual(metadataId, known.metadataId);
});

test("W4: who waits has the key of the meeting and nothing that it opens", async () => {
  const sealed = { is_enabled: true, included_chat_messages: true };
  const room = await scene.room({
    features: { ...LOBBY.features, end_to_end_encryption_features: sealed },
  });
  const ana = await scene.inside(room, "ana", { admin: true });
  const eva = await scene.inside(room, "eva", { admin: true });
  const mallory = await scene.inside(room, "mallory");
  const initial = mallory.events.find(({ event }) => event === "RES_INITIAL_DATA").msg;
  const { roomFeatures } = fromLooseJson(
    "RoomMetadata",
    fromLooseJson("NatsInitialData", initial).room.metadata,
  );
  assert.ok(roomFeatures.endToEndEncryptionFeatures.encryptionKey);

  const heard = [];
  for (const subject of ["chat", "dataChannel", "whiteboard"]) {
    const name = `${mallory.admission.natsSubjects[subject]}.${room}`;
    mallory.nc.subscribe(name, { callback: (error, message) => error ?? heard.push(message) });
  }
  await mallory.nc.flush();
  for (const subject of ["chat", "dataChannel"]) publish(ana, subject, SEALED);
  await eva.ask("PING", "PONG");
  await mallory.ask("PING", "PONG");
  assert.deepEqual(heard, []);
});

test("S1: a token that a newer one replaced, or of somebody sent out, opens nothing any more", async () => {
  const all = await meeting(scene);
  const { ana, eva, mallory, room, sid } = all;
  const old = mallory.token;
  const opens = async (token) => {
    const { status } = await verifyToken(scene.server.origin, token);
    const url = mallory.admission.natsWsUrls[0];
    const socket = await dial(url, token, { reconnect: false }).catch(() => undefined);
    await socket?.close();
    const asked = await call(scene, token, "polls/listPolls", "PollResponse");
    return [status, socket !== undefined, asked.http];
  };
  await scene.token(room, "mallory");
  await mallory.event("SESSION_ENDED");
  assert.deepEqual(await opens(old), [false, false, 401]);
  await eva.send("REQ_RENEW_PNM_TOKEN", { msg: old });
  await eva.ask("PING", "PONG");
  assert.ok(!eva.events.some(({ event }) => event === "RESP_RENEW_PNM_TOKEN"));

  const again = await scene.inside(room, "mallory");
  await moderate(scene, ana, "removeParticipant", "RemoveParticipantReq", {
    sid,
    roomId: room,
    userId: "mallory",
    msg: "out",
  });
  await again.event("SESSION_ENDED");
  assert.deepEqual(await opens(again.token), [false, false, 401]);
  await stillTalk(ana, eva);
});

test("S2: a token that says its owner moderates is not believed", async () => {
  const all = await meeting(scene);
  const { mallory, room, sid } = all;
  const { secret } = scene.server.setup;
  // As an application's own library would sign it; nobody else has the secret.
  const crowned = forge(mallory.token, (claims) => (claims.is_admin = true), secret);
  await fails(all, async () => {
    const wishes = [
      ["endRoom", "RoomEndReq", { roomId: room }],
      ["muteUnmuteTrack", "MuteUnMuteTrackReq", { sid, roomId: room, userId: "all", muted: true }],
      ["switchPresenter", "SwitchPresenterReq", { userId: "mallory" }],
      ["plenum/panic", "plenum.PanicReq", { isOn: true }],
      ["polls/create", "CreatePollReq", { question: "x" }],
    ];
    for (const [path, type, fields] of wishes) {
      const answer = await call(scene, crowned, path, "CommonResponse", type, fields);
      assert.deepEqual([answer.status, answer.msg], [false, "only admin can perform this task"]);
    }
  });
  const renewed = await mallory.ask("REQ_RENEW_PNM_TOKEN", "RESP_RENEW_PNM_TOKEN", {
    msg: crowned,
  });
  const claims = JSON.parse(Buffer.from(renewed.msg.split(".")[1], "base64url"));
  assert.ok(!claims.is_admin, "nor is it renewed as one");
});

test("S3: messages, reactions and requests come through at their rate, and no faster", async () => {
  const all = await meeting(scene);
  const { ana, eva, mallory } = all;
  const started = performance.now();
  const reaction = (id) =>
    dataMessage("mallory", "REACTION", { message: JSON.stringify({ id: `${id}`, emoji: "👍" }) });
  const quality = (word) =>
    dataMessage("mallory", "USER_CONNECTION_QUALITY_CHANGE", { message: word });
  for (let count = 0; count < 150; count += 1) publish(mallory, "dataChannel", reaction(count));
  await mallory.nc.flush();
  for (let count = 0; count < 150; count += 1) publish(mallory, "dataChannel", quality("poor"));
  const asked = await Promise.allSettled(
    [...Array(80).keys()].map(() =>
      mallory.nc.request(mallory.worker, encode("NatsMsgClientToServer", { id: "1", event: 4 })),
    ),
  );
  await stillTalk(ana, eva);

  const seconds = (performance.now() - started) / 1000;
  const of = (kind) =>
    eva.data.filter(({ type }) => type === enumValue("DataMsgBodyType", kind)).length;
  const most = (burst, rate) => burst + rate * seconds + 1;
  assert.ok(of("REACTION") >= 2 && of("REACTION") <= most(2, 2), `${of("REACTION")} reactions`);
  const others = of("USER_CONNECTION_QUALITY_CHANGE");
  assert.ok(others >= 1 && others <= most(60, 20), `${others} others`);
  const refused = asked.filter(({ value }) => value?.json().error?.code === 429).length;
  assert.ok(refused >= 80 - most(40, 10), `${refused} requests were refused`);
  assert.equal(mallory.nc.isClosed(), false);
});

test("S4: an event that a client keeps refusing comes four times, and holds up nobody", async () => {
  const { ana, eva, room } = await meeting(scene);
  const stubborn = await scene.member(room, "stubborn");
  stubborn.refuses = ({ event }) => event === "SYSTEM_NOTIFICATION";
  const tell = (text) =>
    scene.server.api("/room/broadcastToRoom", {
      room_id: room,
      notification_msg: { text },
      to_user_id: "stubborn",
    });
  await tell("first");
  const times = (text) => stubborn.events.filter(({ msg }) => msg.includes(text)).length;
  // One, five and fifteen seconds lie between the four.
  await until("the fourth", () => times("first") === 4, { timeout: 60_000 });
  await stillTalk(ana, eva);
  await tell("second");
  await until("the next event", () => times("second") >= 1);
  assert.equal(times("first"), 4);
});

test("nobody reads or writes foreign subjects, inboxes, streams or stores, and the connection stays", async () => {
  const all = await meeting(scene);
  const { mallory, room } = all;
  const other = await scene.room();
  const stream = mallory.admission.roomStreamName;
  const refusals = [];
  const forbidden = [
    ">",
    "*.*",
    `sysPrivate.${room}.ana.>`,
    `sysPublic.${room}.system`,
    `sysJsWorker.${room}.*`,
    `chat.${other}`,
    "$KV.pnm-recorderInfo.>",
    "recorderChannel",
    `$JS.ACK.${stream}.>`,
  ];
  await fails(all, async () => {
    for (const subject of forbidden) {
      mallory.nc.subscribe(subject, { callback: (error) => error && refusals.push(subject) });
    }
    for (const subject of [
      `sysPublic.${room}.system`,
      `sysPrivate.${room}.ana.system`,
      `sysPublic.${room}`,
      `chat.${other}`,
      "recorderChannel",
      "$KV.pnm-recorderInfo.recorder_1-FIELD_1",
      `$JS.API.CONSUMER.DELETE.${stream}.${room}_ana`,
      `$JS.API.STREAM.PURGE.${stream}`,
      `$JS.ACK.${stream}.${room}_ana.1.1.1.1.0`,
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.${room}_ana`,
    ]) {
      mallory.nc.publish(subject, encode("NatsMsgServerToClient", { id: "1", event: 10 }));
    }
    await until("each to be refused", () => refusals.length === forbidden.length);
  });
  const list = await mallory.ask("REQ_ONLINE_USERS_LIST", "RESP_ONLINE_USERS_LIST");
  const people = JSON.parse(list.msg).map((user) =>
    fromStrictJson("NatsKvUserInfo", JSON.stringify(user)),
  );
  assert.deepEqual(people.map(({ userId }) => userId).sort(), ["ana", "eva", "mallory"]);
});
