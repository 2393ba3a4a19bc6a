// A session with analytics as an application sees it: reports of the original client go in, the server dies on the way,
// and afterwards webhooks tell of a file that a token opens.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { Server } from "../../e2e/lib/server.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { Member } from "../lib/member.mjs";
import { Receiver } from "../lib/receiver.mjs";
import test from "../lib/test.mjs";
import { encode, enumValue } from "../lib/wire.mjs";

const operator = new Receiver();
let server;

before(async () => {
  await operator.start();
  server = await Server.start({
    config: `  webhook_conf:\n    enable: true\n    url: ${operator.url}\n`,
  });
});
after(async () => {
  await server?.dispose();
  await operator.stop();
});

async function enter(room, id, admin = false) {
  const token = await server.token(room, { id, name: `Name of ${id}`, admin });
  const member = await Member.enter({ origin: server.origin, token });
  await member.ask("REQ_INITIAL_DATA", "RES_INITIAL_DATA");
  await member.goIn();
  return member;
}

function report(fields) {
  return JSON.stringify({ eventType: "ANALYTICS_EVENT_TYPE_USER", ...fields });
}

/** As the original client does it: on the subject that nobody acknowledges. */
async function mention(member, fields) {
  const bytes = encode("NatsMsgClientToServer", {
    id: crypto.randomUUID(),
    event: enumValue("NatsMsgClientToServerEvents", "PUSH_ANALYTICS_DATA"),
    msg: report(fields),
    binMsg: new Uint8Array(),
  });
  const subject = member.admission.natsSubjects.systemCoreWorker;
  member.nc.publish(`${subject}.${member.room}.${member.id}`, bytes);
  await member.nc.flush();
}

const QUALITY = "ANALYTICS_EVENT_USER_CONNECTION_QUALITY";

test("a session that was counted becomes a file, and a crash in between costs nothing", async () => {
  const room = "counted";
  const { sid } = await server.createRoom(room, { features: { enable_analytics: true } });
  const ana = await enter(room, "ana", true);
  const ben = await enter(room, "ben");
  await ana.say("hello");
  await ana.say("again");
  await until("both lines", () => ben.chat.length === 2);
  await ben.send("REQ_RAISE_HAND", { msg: "me" });
  await mention(ben, { eventName: QUALITY, userId: "ana", hsetValue: "poor" });
  const talked = { eventName: "ANALYTICS_EVENT_USER_TALKED", eventValueInteger: "1" };
  // Acknowledged, so it is in the journal, and so is what came before it.
  await ben.send("PUSH_ANALYTICS_DATA", { msg: report(talked) });
  await ben.send("PUSH_ANALYTICS_DATA", {
    msg: report({ eventName: "ANALYTICS_EVENT_USER_PUBLIC_CHAT", eventValueInteger: "1" }),
  });

  await server.kill();
  await server.launch();
  await ben.leave();
  await ana.leave();
  await server.api("/room/endRoom", { room_id: room });

  await until("the webhooks", () => operator.of(room).includes("analytics_proceeded"));
  const told = operator.of(room);
  assert.deepEqual(told.slice(-4), [
    "session_ended",
    "room_finished",
    "artifact_created",
    "analytics_proceeded",
  ]);
  const [created, proceeded] = operator.events.filter((event) => event.room.sid === sid).slice(-2);
  assert.deepEqual(created.room, { sid, room_id: room });
  const id = proceeded.analytics.file_id;
  assert.equal(created.room_artifact.type, "MEETING_ANALYTICS");
  assert.equal(created.room_artifact.artifact_id, id);

  const { body: listed } = await server.api("/artifact/fetch", { room_ids: [room] });
  assert.equal(listed.result.artifacts_list[0].artifact_id, id);
  const { body: past } = await server.api("/room/fetchPastRooms", { room_ids: [room] });
  assert.equal(past.result.rooms_list[0].analytics_file_id, id);
  const { body: granted } = await server.api("/analytics/getDownloadToken", { file_id: id });
  const file = await fetch(`${server.origin}/download/analytics/${granted.token}`);
  assert.equal(file.headers.get("content-type"), "application/json");
  const text = await file.text();
  const { file_info: info } = created.room_artifact.metadata;
  assert.equal(info.file_size, String(text.length));
  assert.match(file.headers.get("content-disposition"), new RegExp(`analytics-${sid}-\\d+\\.json`));

  const { room: about, users } = JSON.parse(text);
  assert.deepEqual(Object.keys(about), [
    "room_id",
    "room_title",
    "room_total_users",
    "room_creation",
    "room_ended",
    "room_duration",
    "enabled_e2ee",
    "events",
  ]);
  assert.equal(about.room_total_users, "2");
  assert.equal(BigInt(about.room_duration), BigInt(about.room_ended) - BigInt(about.room_creation));
  const totals = Object.fromEntries(
    users.map((user) => [
      user.user_id,
      Object.fromEntries(user.events.map((event) => [event.name, event.total])),
    ]),
  );
  assert.equal(totals.ana.public_chat, 2);
  assert.equal(totals.ben.public_chat, undefined, "chat is counted by the server alone");
  assert.equal(totals.ana.connection_quality, undefined, "a report is about whoever sends it");
  assert.equal(totals.ben.connection_quality, 1);
  assert.deepEqual([totals.ben.talked, totals.ben.raise_hand], [1, 1]);
  for (const id of ["ana", "ben"]) {
    assert.ok(totals[id].joined >= 1);
    assert.equal(totals[id].left, totals[id].joined);
  }
});

test("a session that nobody wants counted leaves no file", async () => {
  const room = "uncounted";
  await server.createRoom(room);
  await server.api("/room/endRoom", { room_id: room });
  await until("the end", () => operator.of(room).includes("room_finished"));

  const { body } = await server.api("/artifact/fetch", { room_ids: [room] });
  assert.equal(body.msg, "no artifact found");
});
