// The official NATS libraries while the network or the server goes and comes back.
import assert from "node:assert/strict";

import { until } from "../../e2e/lib/until.mjs";
import { withServer } from "../lib/meeting.mjs";
import { network } from "../lib/network.mjs";
import test from "../lib/test.mjs";
import { decode, encode, enumValue, fromLooseJson, fromStrictJson } from "../lib/wire.mjs";

const scene = withServer();

/** Two reconnect attempts of the library, which are two seconds apart, and a start of the server. */
const BACK_MS = 30_000;

/** The power goes and comes back. */
async function powerCut() {
  await scene.server.kill();
  await scene.server.launch();
}

function privateLine(from, to, message) {
  return {
    msg: JSON.stringify({ toUserId: to, type: "CHAT" }),
    bin: encode("ChatMessage", {
      id: crypto.randomUUID(),
      fromUserId: from,
      fromName: from,
      toUserId: to,
      isPrivate: true,
      message,
      sentAt: BigInt(Date.now()),
    }),
  };
}

const privateLines = (member) =>
  member.events
    .filter((event) => event.event === "DELIVERY_PRIVATE_DATA")
    .filter(
      (event) =>
        fromStrictJson("PrivateDataDelivery", event.msg).type ===
        enumValue("PrivateDataDeliveryType", "CHAT"),
    )
    .map((event) => decode("ChatMessage", event.bin).message);

test("after kill -9 a private line to somebody away arrives, once, and everybody is who they were", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const line = network();
  const ben = await scene.inside(room, "ben", { wsFactory: line.wsFactory });
  line.cut();
  await ana.event("USER_DISCONNECTED");

  await ana.send("REQ_PRIVATE_DATA_DELIVERY", privateLine("ana", "ben", "see you at the bridge"));
  await powerCut();
  line.mend();

  await until("the line to arrive", () => privateLines(ben).length > 0, { timeout: BACK_MS });
  await ben.ask("PING", "PONG");
  assert.deepEqual(privateLines(ben), ["see you at the bridge"]);

  const list = await ben.ask("REQ_ONLINE_USERS_LIST", "RESP_ONLINE_USERS_LIST");
  const people = JSON.parse(list.msg).map((user) =>
    fromStrictJson("NatsKvUserInfo", JSON.stringify(user)),
  );
  const host = people.find((person) => person.userId === "ana");
  assert.equal(host.isAdmin, true, "whether ana is back already or not, she is on the list");
  assert.equal(host.isPresenter, true);

  await ana.ask("PING", "PONG");
  await powerCut();
  await ben.event("ROOM_METADATA_UPDATE", { after: ben.events.length, timeout: BACK_MS });
  await ben.ask("PING", "PONG");
  assert.equal(privateLines(ben).length, 1, "not again after another kill");
});

test("a request that was acknowledged before kill -9 is answered afterwards", async () => {
  const room = await scene.room();
  const ben = await scene.member(room, "ben");
  ben.stopAcking();
  await ben.send("REQ_INITIAL_DATA");
  await ben.send("REQ_JOINED_USERS_LIST");
  await scene.server.kill();
  const after = ben.events.length;
  ben.startAcking();
  await scene.server.launch();

  const answer = await ben.event("RES_INITIAL_DATA", { after, timeout: BACK_MS });
  assert.equal(fromLooseJson("NatsInitialData", answer.msg).localUser.userId, "ben");
  await ben.event("RES_JOINED_USERS_LIST", { after, timeout: BACK_MS });
  await ben.ask("PING", "PONG");
  assert.equal(
    ben.events.slice(after).filter((event) => event.event === "RES_INITIAL_DATA").length,
    1,
  );
});

test("chat that was said while a line was dead and nobody had noticed is caught up", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const line = network();
  const ben = await scene.inside(room, "ben", { wsFactory: line.wsFactory });
  await ben.ask("PING", "PONG");

  // What arrives now is lost on the way, as on a line that is gone without a word.
  line.socket.onmessage = () => {};
  await ana.say("into the void");
  line.socket.terminate();

  await until(
    "the line of chat to be caught up",
    () =>
      ben.events.some(
        (event) =>
          event.event === "DELIVERY_PRIVATE_DATA" &&
          decode("DataChannelMessage", event.bin).message.includes("into the void"),
      ),
    { timeout: BACK_MS },
  );
  assert.deepEqual(ben.chat, []);
});

test("a long history comes in small parts that make a whole", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const ids = [];
  // As many as may be said at once.
  for (let count = 0; count < 15; count += 1) {
    ids.push((await ana.say("x".repeat(50_000))).id);
  }
  const ben = await scene.inside(room, "ben");

  await ben.askHistory("ana");

  const parts = () =>
    ben.events
      .filter((event) => event.event === "DELIVERY_PRIVATE_DATA")
      .map((event) => decode("DataChannelMessage", event.bin).message);
  const got = () => parts().flatMap((part) => JSON.parse(part).map((message) => message.id));
  await until("the whole history", () => got().length === ids.length);
  assert.deepEqual(got(), ids);
  assert.ok(parts().every((part) => part.length <= 256 * 1024));
});

test("somebody whose line is full is still heard, and gets everything once it flows again", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const line = network();
  const ben = await scene.inside(room, "ben", { wsFactory: line.wsFactory });
  const { whiteboard, chat } = ben.admission.natsSubjects;
  const boards = [];
  ben.nc.subscribe(`${whiteboard}.${room}`, {
    callback: (error, message) => error ?? boards.push(message.data.length),
  });
  await ben.nc.flush();

  // More than the system keeps for a reader who does not read.
  line.socket.pause();
  for (let count = 0; count < 5; count += 1) {
    ana.nc.publish(
      `${whiteboard}.${room}`,
      encode("DataChannelMessage", {
        id: `board-${count}`,
        type: enumValue("DataMsgBodyType", "SCENE_UPDATE"),
        fromUserId: "ana",
        binMessage: new Uint8Array(4 * 1024 * 1024),
      }),
    );
  }
  await ana.nc.flush();
  ben.nc.publish(
    `${chat}.${room}`,
    encode("ChatMessage", { id: "c1", fromUserId: "ben", message: "I hear nothing", sentAt: 1n }),
  );
  await until("ana to hear ben", () => ana.chat.length === 1);
  assert.deepEqual(boards, []);

  line.socket.resume();
  await until("the boards", () => boards.length === 5);
  await ben.ask("PING", "PONG");
  assert.ok(!ana.events.some((event) => event.event === "USER_DISCONNECTED"));
});
