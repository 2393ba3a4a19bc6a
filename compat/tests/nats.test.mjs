// The official NATS libraries against /nats, step by step as the original browser client uses them.
import assert from "node:assert/strict";

import WebSocket from "ws";

import { pause, until } from "../../e2e/lib/until.mjs";
import { Member, dial, verifyToken } from "../lib/member.mjs";
import { withServer } from "../lib/meeting.mjs";
import { network } from "../lib/network.mjs";
import test from "../lib/test.mjs";
import { decode, encode, enumValue, fromLooseJson, fromStrictJson } from "../lib/wire.mjs";

const scene = withServer();

/** Long enough for a message that must not come to have come. */
const SETTLE_MS = 500;

test("a verified token names everything the client needs to connect", async () => {
  const room = await scene.room();

  const answer = await verifyToken(scene.server.origin, await scene.token(room, "ana"));

  assert.equal(answer.status, true, answer.msg);
  assert.equal(answer.msg, "token is valid");
  assert.equal(answer.roomId, room);
  assert.equal(answer.userId, "ana");
  assert.ok(answer.natsWsUrls.length > 0);
  assert.ok(answer.roomStreamName);
  for (const subject of [
    "systemJsWorker",
    "systemCoreWorker",
    "systemPublic",
    "systemPrivate",
    "chat",
    "whiteboard",
    "dataChannel",
  ]) {
    assert.ok(answer.natsSubjects[subject], subject);
  }
});

test("a token that is none is refused at the API and at the socket", async () => {
  const room = await scene.room();
  const good = await verifyToken(scene.server.origin, await scene.token(room, "ana"));

  const refused = await verifyToken(scene.server.origin, "not.a.token");
  assert.equal(refused.http, 401);
  assert.equal(refused.status, false);
  assert.equal(refused.msg, "notifications.invalid-token");

  await assert.rejects(
    dial(good.natsWsUrls[0], "not.a.token", { reconnect: false }),
    /authorization/i,
  );
  await assert.rejects(dial(good.natsWsUrls[0], "", { reconnect: false }), /authorization/i);
});

test("a token signed with another secret is refused", async () => {
  const room = await scene.room();
  const [head, payload] = (await scene.token(room, "ana")).split(".");

  const refused = await verifyToken(scene.server.origin, `${head}.${payload}.${"A".repeat(43)}`);

  assert.equal(refused.http, 401);
  assert.equal(refused.msg, "notifications.invalid-token");
});

test("initial data, people, and the ping arrive as the strict client can read them", async () => {
  const room = await scene.room({ title: "Planning" });
  const ana = await scene.member(room, "ana", { admin: true });

  const initial = fromLooseJson(
    "NatsInitialData",
    (await ana.ask("REQ_INITIAL_DATA", "RES_INITIAL_DATA")).msg,
  );
  assert.equal(initial.room.roomId, room);
  assert.match(initial.room.roomSid, /^[0-9a-f-]{36}$/);
  assert.equal(initial.localUser.userId, "ana");
  assert.equal(initial.localUser.isAdmin, true);
  assert.equal(initial.localUser.isPresenter, true);
  const metadata = fromLooseJson("RoomMetadata", initial.room.metadata);
  assert.equal(metadata.roomTitle, "Planning");
  assert.ok(metadata.metadataId);
  assert.ok(fromStrictJson("UserMetadata", initial.localUser.metadata).lockSettings);

  const people = await ana.goIn();
  assert.deepEqual(
    people.map((person) => person.userId),
    ["ana"],
  );

  const pong = await ana.ask("PING", "PONG");
  assert.ok(Math.abs(Number(pong.msg) - Date.now()) < 60_000);
});

test("who comes and goes is told to the others, and the list agrees", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });

  const ben = await scene.inside(room, "ben");
  const joined = fromStrictJson("NatsKvUserInfo", (await ana.event("USER_JOINED")).msg);
  assert.equal(joined.userId, "ben");
  assert.deepEqual(ben.people.map((person) => person.userId).sort(), ["ana", "ben"]);

  await ben.leave();
  await ana.event("USER_DISCONNECTED", {
    where: (event) => fromStrictJson("NatsKvUserInfo", event.msg).userId === "ben",
  });
  await ana.event("USER_OFFLINE", { timeout: 15_000 });
  const list = await ana.ask("REQ_ONLINE_USERS_LIST", "RESP_ONLINE_USERS_LIST");
  assert.deepEqual(
    JSON.parse(list.msg).map((person) => person.user_id),
    ["ana"],
  );
});

test("public chat reaches the others once, never the sender, with the true sender in it", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");

  await ana.say("hello");
  await until("ben to read it", () => ben.chat.length === 1);
  assert.equal(ben.chat[0].message, "hello");
  assert.equal(ben.chat[0].fromUserId, "ana");
  assert.equal(ben.chat[0].fromAdmin, true);

  await ben.say("hello back");
  await until("ana to read it", () => ana.chat.length === 1);
  assert.deepEqual(
    ana.chat.map((line) => line.message),
    ["hello back"],
  );
});

test("nobody can write in another's name", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");

  await ben.say("I am ana", { fromUserId: "ana", fromName: "ana" });
  await ben.say("I am the system", { fromUserId: "system" });
  await ben.say("I am ben", { fromName: "Ana the host", fromAdmin: true });

  await until("the honest line", () => ana.chat.some((line) => line.message === "I am ben"));
  assert.deepEqual(
    ana.chat.map((line) => line.message),
    ["I am ben"],
  );
  assert.equal(ana.chat[0].fromName, "ben");
  assert.equal(ana.chat[0].fromAdmin, false);
  assert.equal(ben.nc.isClosed(), false);
});

test("a private line reaches its one reader", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");
  const cleo = await scene.inside(room, "cleo");

  await ana.send("REQ_PRIVATE_DATA_DELIVERY", {
    msg: '{"toUserId":"ben","type":"CHAT"}',
    bin: encode("ChatMessage", {
      id: "p1",
      fromUserId: "ana",
      fromName: "ana",
      toUserId: "ben",
      isPrivate: true,
      message: "psst",
      sentAt: 1n,
    }),
  });

  const got = await ben.event("DELIVERY_PRIVATE_DATA");
  const header = fromStrictJson("PrivateDataDelivery", got.msg);
  assert.equal(header.type, enumValue("PrivateDataDeliveryType", "CHAT"));
  assert.equal(decode("ChatMessage", got.bin).message, "psst");
  assert.equal(decode("ChatMessage", got.bin).fromUserId, "ana");
  await cleo.ask("PING", "PONG");
  assert.ok(!cleo.events.some((event) => event.event === "DELIVERY_PRIVATE_DATA"));
  assert.deepEqual(cleo.chat, []);
});

test("the history of the chat is given to who asks for it, by the server", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  await ana.say("first");
  await ana.say("second");

  const ben = await scene.inside(room, "ben");
  await ben.askHistory("ana");

  const got = await ben.event("DELIVERY_PRIVATE_DATA");
  const answer = decode("DataChannelMessage", got.bin);
  assert.equal(answer.type, enumValue("DataMsgBodyType", "RES_PUBLIC_CHAT_DATA"));
  assert.equal(answer.fromUserId, "ana");
  const lines = JSON.parse(answer.message).map((line) =>
    fromStrictJson("ChatMessage", JSON.stringify(line)),
  );
  assert.deepEqual(
    lines.map((line) => line.message),
    ["first", "second"],
  );
});

test("a raised hand is told to everyone and lowered by its owner or a host only", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");
  const cleo = await scene.inside(room, "cleo");
  const handOfBen = (raised) => (event) => {
    const update = fromLooseJson("NatsUserMetadataUpdate", event.msg);
    return (
      update.userId === "ben" &&
      fromStrictJson("UserMetadata", update.metadata).raisedHand?.isRaised === raised
    );
  };

  await ben.send("REQ_RAISE_HAND", { msg: "ben raised the hand" });
  await cleo.event("USER_METADATA_UPDATE", { where: handOfBen(true) });

  await cleo.send("REQ_LOWER_OTHER_USER_HAND", { msg: "ben" });
  await cleo.ask("PING", "PONG");
  assert.ok(
    !cleo.events.some((event) => event.event === "USER_METADATA_UPDATE" && handOfBen(false)(event)),
  );

  await ana.send("REQ_LOWER_OTHER_USER_HAND", { msg: "ben" });
  await cleo.event("USER_METADATA_UPDATE", { where: handOfBen(false) });
});

test("events that were not acknowledged come again after a reconnect, once, in order", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const line = network();
  const ben = await scene.inside(room, "ben", { wsFactory: line.wsFactory });
  await ben.ask("PING", "PONG");
  await pause(SETTLE_MS);

  ben.stopAcking();
  const mark = ben.events.length;
  for (const name of ["c1", "c2", "c3"]) await scene.inside(room, name);
  const joined = () => ben.events.slice(mark).filter((event) => event.event === "USER_JOINED");
  await until("three people told", () => joined().length === 3);
  const first = joined().map((event) => event.stream);

  ben.startAcking();
  line.socket.terminate();
  await until("the same three told again", () => joined().length === 6, { timeout: 20_000 });

  assert.deepEqual(
    joined()
      .slice(3)
      .map((event) => event.stream),
    first,
  );
  assert.ok(
    joined()
      .slice(3)
      .every((event) => event.redelivered),
  );
  await ben.ask("PING", "PONG");
  assert.equal(joined().length, 6);
  assert.ok(
    ana.events.every((event) => event.event !== "USER_OFFLINE" || !event.msg.includes('"ben"')),
  );
});

test("what happens while somebody is away is delivered when they are back", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const line = network();
  const ben = await scene.inside(room, "ben", { wsFactory: line.wsFactory });

  line.socket.terminate();
  await ana.event("USER_DISCONNECTED");
  await ana.send("REQ_RAISE_HAND", { msg: "ana raised the hand" });

  await ben.event("USER_METADATA_UPDATE", {
    timeout: 20_000,
    where: (event) => {
      const update = fromLooseJson("NatsUserMetadataUpdate", event.msg);
      return (
        update.userId === "ana" &&
        fromStrictJson("UserMetadata", update.metadata).raisedHand?.isRaised === true
      );
    },
  });
  await ben.event("ROOM_METADATA_UPDATE", { timeout: 20_000 });
});

test("a second connection of the same person takes over from the first", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const first = await scene.inside(room, "ben");

  const token = await scene.token(room, "ben");
  const ended = await first.event("SESSION_ENDED");
  assert.equal(ended.msg, "notifications.room-disconnected-duplicate-entry");

  const second = await Member.enter({ origin: scene.server.origin, token });
  await second.ask("REQ_INITIAL_DATA", "RES_INITIAL_DATA");
  await second.goIn();
  await pause(SETTLE_MS);
  const list = await ana.ask("REQ_ONLINE_USERS_LIST", "RESP_ONLINE_USERS_LIST");
  assert.deepEqual(
    JSON.parse(list.msg)
      .map((person) => person.user_id)
      .sort(),
    ["ana", "ben"],
  );
  await second.leave();
});

test("a renewed token has the same claims and a fresh life", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const payload = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));

  const renewed = (await ana.ask("REQ_RENEW_PNM_TOKEN", "RESP_RENEW_PNM_TOKEN", { msg: ana.token }))
    .msg;

  const { nbf: nbfOld, exp: expOld, ...old } = payload(ana.token);
  const { nbf, exp, ...fresh } = payload(renewed);
  assert.deepEqual(fresh, old);
  assert.ok(nbf >= nbfOld && exp >= expOld);
});

test("another person's token is not renewed", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");

  await ben.send("REQ_RENEW_PNM_TOKEN", { msg: ana.token });
  await ben.ask("PING", "PONG");

  assert.ok(!ben.events.some((event) => event.event === "RESP_RENEW_PNM_TOKEN"));
});

test("the end of the room reaches everyone, and the door is closed afterwards", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");

  const { body } = await scene.server.api("/room/endRoom", { room_id: room });
  assert.equal(body.status, true);

  for (const member of [ana, ben]) {
    const ended = await member.event("SESSION_ENDED");
    assert.equal(ended.msg, "notifications.room-disconnected-room-ended");
  }
  const refused = await verifyToken(scene.server.origin, ben.token);
  assert.equal(refused.status, false);
  assert.equal(refused.msg, "notifications.room-not-active");
});

// -- what a stranger with a raw client may not do --------------------------------------------------------------------

test("foreign subjects cannot be subscribed or written, and the connection stays", async () => {
  const room = await scene.room();
  const other = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");
  const refusals = [];
  const tryToHear = (subject) => {
    ben.nc.subscribe(subject, { callback: (error) => error && refusals.push(subject) });
  };
  const forbidden = [
    `sysPrivate.${room}.ana.>`,
    `chat.${other}`,
    "chat.*",
    ">",
    `sysJsWorker.${room}.ana`,
  ];

  for (const subject of forbidden) tryToHear(subject);
  await until("every subscription to be refused", () => refusals.length === forbidden.length, {
    timeout: 5_000,
  });

  ben.nc.publish(`sysPrivate.${room}.ana.system`, "x");
  ben.nc.publish(`sysPublic.${room}.system`, "x");
  ben.nc.publish(`chat.${other}`, "x");
  await assert.rejects(ben.send("PING", { as: `sysJsWorker.${room}.ana` }));

  await ben.ask("PING", "PONG");
  await ana.ask("PING", "PONG");
  assert.equal(ben.nc.isClosed(), false);
});

test("nobody hears the answers in another's inbox", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");
  const overheard = [];
  ben.nc.subscribe("_INBOX.>", {
    callback: (error, message) => !error && overheard.push(message.subject),
  });
  await ben.nc.flush();

  for (let count = 0; count < 5; count += 1) await ana.ask("PING", "PONG");
  await pause(SETTLE_MS);

  assert.deepEqual(overheard, []);
});

test("another's consumer can be neither looked at nor emptied", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");
  const stream = ben.admission.roomStreamName;

  await assert.rejects(ben.js.consumers.get(stream, `${room}_ana`));
  const answer = await ben.nc.request(`$JS.API.CONSUMER.INFO.${stream}.${room}_ana`, "", {
    timeout: 2_000,
  });
  assert.equal(answer.json().error.code, 404);
  await ana.ask("PING", "PONG");
});

test("a flood from one member disturbs nobody else", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");
  let heard = "";
  const [closed, spam] = [ben.nc.status(), `chat.${room}`];
  const started = performance.now();

  for (let count = 0; count < 2_000; count += 1) {
    const line = { id: `f${count}`, fromUserId: "ben", message: "spam", sentAt: 1n };
    ben.nc.publish(spam, encode("ChatMessage", line));
  }
  for await (const { type } of closed) {
    heard = type;
    if (type === "disconnect") break;
  }
  assert.equal(heard, "disconnect", "who floods is hung up on");
  await ana.ask("PING", "PONG");
  await pause(SETTLE_MS);

  // A burst of 15, and 5 each second.
  const seconds = (performance.now() - started) / 1000;
  assert.ok(ana.chat.length >= 15, `${ana.chat.length} lines came through`);
  assert.ok(ana.chat.length <= 15 + 5 * seconds + 1, `${ana.chat.length} in ${seconds} s`);
});

/** The server hangs up on its own well before. */
const CLOSE_TIMEOUT_MS = 15_000;

const GARBAGE = {
  "an unknown operation": "HELLO world\r\n",
  "a publish whose length lies": "PUB chat.x 999999999\r\nabc\r\n",
  "a negative length": "PUB chat.x -5\r\nabc\r\n",
  "a line without end": "P".repeat(2_000_000),
  "bytes that are no text": Buffer.from([0, 255, 254, 13, 10, 0, 1, 2]),
  "a header longer than its message": "HPUB chat.x 50 5\r\nNATS/1.0\r\n\r\n",
};

for (const [what, bytes] of Object.entries(GARBAGE)) {
  test(`${what} ends its own connection and no other`, async () => {
    const room = await scene.room();
    const ana = await scene.inside(room, "ana", { admin: true });
    const token = await scene.token(room, "mallory");
    const socket = new WebSocket(ana.admission.natsWsUrls[0]);
    await new Promise((done, fail) => socket.once("open", done).once("error", fail));
    socket.on("error", () => {});

    let heard = "";
    socket.on("message", (bytes) => (heard += bytes.toString()));
    const closed = new Promise((done) => socket.once("close", done));
    socket.send(
      Buffer.from(
        `CONNECT ${JSON.stringify({ auth_token: token, protocol: 1, headers: true })}\r\nPING\r\n`,
      ),
    );
    await until("mallory to be let in", () => heard.includes("PONG"));

    socket.send(Buffer.from(bytes));

    await Promise.race([
      closed,
      pause(CLOSE_TIMEOUT_MS).then(() =>
        assert.fail(`still open, and heard: ${heard.slice(-200)}`),
      ),
    ]);
    assert.match(heard, /-ERR '[^']+'/, "it is told why");
    await ana.ask("PING", "PONG");
  });
}

test("a connection that never says who it is is closed", async () => {
  const room = await scene.room();
  const { natsWsUrls } = await verifyToken(scene.server.origin, await scene.token(room, "ana"));
  const socket = new WebSocket(natsWsUrls[0]);
  const closed = new Promise((done) => socket.once("close", done));
  await new Promise((done, fail) => socket.once("open", done).once("error", fail));

  socket.send(Buffer.from("PUB chat.x 3\r\nabc\r\n"));

  await Promise.race([
    closed,
    pause(CLOSE_TIMEOUT_MS).then(() => assert.fail("the connection is still open")),
  ]);
});
