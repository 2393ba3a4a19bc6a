// What the official NATS libraries do on their own, beyond what the original client asks them to, and with which tokens.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

import { pause, until } from "../../e2e/lib/until.mjs";
import { Member, dial, verifyToken } from "../lib/member.mjs";
import { withServer } from "../lib/meeting.mjs";
import test from "../lib/test.mjs";
import { encode, enumValue } from "../lib/wire.mjs";

const scene = withServer();

const HOUR_S = 3600;

function jwt(secret, claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

/** The same token as it was a while ago, or with other claims, signed with the key of the application. */
function forged(token, { ago = 0, secret = scene.server.setup.secret, ...changes }) {
  const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  return jwt(secret, { ...claims, nbf: claims.nbf - ago, exp: claims.exp - ago, ...changes });
}

const opens = async (url, token) => {
  try {
    const nc = await dial(url, token, { reconnect: false });
    await nc.close();
    return true;
  } catch (error) {
    assert.match(error.message, /authorization/i);
    return false;
  }
};

test("a consumer that idles over many pulls misses no heartbeat and gets what comes then", async () => {
  const room = await scene.room();
  const ana = await scene.member(room, "ana", { admin: true });
  ana.messages.stop();
  const consumer = await ana.js.consumers.get(ana.admission.roomStreamName, `${room}_ana`);
  // A pull ends every two seconds, and a heartbeat is due every second: no server beats faster for a client that asks.
  const messages = await consumer.consume({ expires: 2_000 });
  const missed = [];
  (async () => {
    for await (const status of messages.status()) {
      if (status.type === "heartbeats_missed") missed.push(status);
    }
  })();
  let received = 0;
  (async () => {
    for await (const message of messages) {
      message.ack();
      received += 1;
    }
  })();

  // Not a wait for something, but the silence itself.
  await pause(6_000);
  const before = received;
  await ana.send("PING");
  await until("the pong", () => received > before);
  assert.deepEqual(missed, []);
  messages.stop();
});

test("a message that is refused comes again, and no more once it is acknowledged", async () => {
  const room = await scene.room();
  const ana = await scene.member(room, "ana", { admin: true });
  ana.messages.stop();
  const consumer = await ana.js.consumers.get(ana.admission.roomStreamName, `${room}_ana`);
  const messages = await consumer.consume();
  const seen = [];
  (async () => {
    for await (const message of messages) {
      seen.push({ number: message.info.streamSequence, count: message.info.deliveryCount });
      if (seen.length === 1) message.nak();
      else message.ack();
    }
  })();

  await ana.send("PING");
  await until("the same message again", () => seen.length === 2);
  assert.equal(seen[1].number, seen[0].number);
  assert.equal(seen[1].count, 2);
  await ana.send("PING");
  await until("the next message", () => seen.length === 3);
  assert.ok(seen[2].number > seen[0].number);
  messages.stop();
});

test("requests that come too fast are refused in words, and the connection stays", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });

  const results = await Promise.allSettled(
    Array.from({ length: 80 }, () => ana.send("REQ_LOWER_HAND")),
  );

  const refused = results.filter((result) => result.status === "rejected");
  assert.ok(refused.length > 0 && refused.length < 60, `${refused.length} of 80`);
  for (const { reason } of refused) assert.match(reason.message, /rate limit/);
  await until("the next one to be taken", () => ana.send("PING"));
});

test("a list of people above a megabyte is delivered", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const crowd = [];
  try {
    for (let count = 0; count < 45; count += 1) {
      const token = await scene.token(room, `p${count}`, {
        user_metadata: { extra_data: { cv: "x".repeat(28_000) } },
      });
      const nc = await dial(ana.admission.natsWsUrls[0], token, { reconnect: false });
      crowd.push(nc);
      const asked = { id: "1", event: enumValue("NatsMsgClientToServerEvents", "REQ_LOWER_HAND") };
      const { systemJsWorker } = ana.admission.natsSubjects;
      const subject = `${systemJsWorker}.${room}.p${count}`;
      await nc.request(subject, encode("NatsMsgClientToServer", asked));
    }

    const list = await ana.ask("REQ_ONLINE_USERS_LIST", "RESP_ONLINE_USERS_LIST");

    assert.equal(JSON.parse(list.msg).length, 46);
    assert.ok(list.msg.length > 1024 * 1024, `${list.msg.length} characters`);
    await ana.ask("PING", "PONG");
  } finally {
    await Promise.allSettled(crowd.map((nc) => nc.close()));
  }
});

test("a second socket with the same token takes over, and the first is told why it ends", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const first = await scene.inside(room, "ben");
  const { origin } = scene.server;
  const before = ana.events.length;

  const second = await Member.enter({ origin, token: first.token });
  try {
    const ended = await first.event("SESSION_ENDED");
    assert.equal(ended.msg, "notifications.room-disconnected-duplicate-entry");
    await first.leave();

    await ana.ask("PING", "PONG");
    const told = () =>
      ana.events
        .slice(before)
        .map(({ event }) => event)
        .filter((event) => event !== "PONG");
    assert.deepEqual(told(), []);

    // It is another page, which is before the meeting until its user joins.
    await second.ask("REQ_INITIAL_DATA", "RES_INITIAL_DATA");
    await second.goIn();
    await ana.event("USER_JOINED", { after: before });
    assert.deepEqual(told(), ["USER_OFFLINE", "USER_JOINED"]);
  } finally {
    await second.leave();
  }
});

test("which tokens open a socket", async () => {
  const [room, other] = [await scene.room(), await scene.room()];
  const ana = await scene.inside(room, "ana", { admin: true });
  const [url] = ana.admission.natsWsUrls;
  const ben = await scene.token(room, "ben");

  assert.equal(await opens(url, forged(ana.token, { secret: "x".repeat(32) })), false);
  assert.equal(await opens(url, forged(ana.token, { room_id: other })), false, "another room's");
  assert.equal(await opens(url, forged(ana.token, { room_sid: crypto.randomUUID() })), false);
  assert.equal(await opens(url, forged(ana.token, { ago: 4 * HOUR_S })), false, "over three hours");
  assert.equal(await opens(url, forged(ben, { ago: HOUR_S })), false, "was never inside");
  assert.equal(
    await opens(url, forged(ana.token, { alg: "none" }).replace(/\.[^.]*$/, ".")),
    false,
  );

  const expired = forged(ana.token, { ago: HOUR_S });
  await ana.leave();
  const nc = await dial(url, expired, { reconnect: false });
  await nc.close();
  assert.equal(
    (await verifyToken(scene.server.origin, expired)).http,
    401,
    "good for sockets only",
  );
});

test("what is larger than chat may be is not sent, and its author is told", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const ben = await scene.inside(room, "ben");
  const line = (message) =>
    encode("ChatMessage", { id: crypto.randomUUID(), fromUserId: "ben", message, sentAt: 1n });

  ben.nc.publish(`chat.${room}`, line("x".repeat(60_000)));
  await until("the long line", () => ana.chat.length === 1);
  ben.nc.publish(`chat.${room}`, line("x".repeat(70_000)));
  await ben.event("SYSTEM_NOTIFICATION", { where: (event) => event.msg.includes("too long") });
  await ben.ask("PING", "PONG");
  assert.equal(ana.chat.length, 1);
});
