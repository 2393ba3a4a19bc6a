// LiveKit webhooks over the end of a process: whoever counts people, rooms and tracks by them never drifts.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, afterEach, before } from "node:test";

import { AccessToken, RoomServiceClient } from "livekit-server-sdk";

import { Server } from "../../e2e/lib/server.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { withBrowser } from "../lib/livekit-page.mjs";
import { Receiver } from "../lib/receiver.mjs";
import test, { witness } from "../lib/test.mjs";

const hooks = new Receiver();
const browser = withBrowser();
let server;
witness(() => ({ log: server?.log }));
before(() => hooks.start());
after(() => hooks.stop());
afterEach(async () => {
  server.assertAlive();
  await server.dispose();
});

const BEGINS = {
  room_started: "room",
  participant_joined: "participant",
  track_published: "track",
};
const ENDS = { room_finished: "room", participant_left: "participant", track_unpublished: "track" };

/** Everything told of a room, in order; what arrived twice counts once. */
function events(room) {
  const all = hooks.events.filter((event) => event.room.name === room);
  return all.filter(({ id }, index) => all.findIndex((event) => event.id === id) === index);
}

const names = (room) => events(room).map(({ event }) => event);

/** The sids of what these events are about. */
function sids(room, kinds) {
  return events(room).flatMap(({ event, ...about }) =>
    kinds[event] ? [about[kinds[event]].sid] : [],
  );
}

function times(room, name) {
  return names(room).filter((event) => event === name).length;
}

function api() {
  const { key, secret } = server.setup;
  return new RoomServiceClient(server.origin, key, secret, { failover: false });
}

/** A server, and ann in a room of it with a camera and a microphone. */
async function published() {
  server = await Server.start({ config: `plenum:\n  livekit_webhooks: ["${hooks.url}"]\n` });
  const room = `room-${randomUUID().slice(0, 8)}`;
  const token = new AccessToken(server.setup.key, server.setup.secret, { identity: "ann" });
  token.addGrant({ roomJoin: true, room });
  const page = await browser.join({
    url: server.origin.replace("http", "ws"),
    token: await token.toJwt(),
  });
  await page.evaluate(() => publish());
  await until("both tracks", () => times(room, "track_published") === 2);
  return { room, page };
}

/** Closes the room as it is now, and waits until that is told: whatever was told before is known then. */
async function close(room) {
  const ended = times(room, "room_finished");
  await api().deleteRoom(room);
  await until("the end of the room", () => times(room, "room_finished") > ended);
}

function assertBalance(room) {
  const [began, ended] = [sids(room, BEGINS), sids(room, ENDS)];
  assert.equal(new Set(began).size, began.length);
  assert.deepEqual(ended.toSorted(), began.toSorted(), names(room).join(", "));
}

/** Ann comes back by herself; what ended is told before. */
async function comesBack(room) {
  await until("ann and her tracks", () => times(room, "track_published") === 4, {
    timeout: 60_000,
  });
  const told = names(room);
  const [finished, started] = [told.indexOf("room_finished"), told.lastIndexOf("room_started")];
  assert.ok(finished > 0 && finished < started, told.join(", "));
  assert.equal(told.slice(0, started).filter((event) => event === "track_unpublished").length, 2);
  await close(room);
  assert.deepEqual([times(room, "participant_joined"), times(room, "room_started")], [2, 2]);
  assertBalance(room);
}

test("a server that is killed and started again has told the end of everything once", async () => {
  const { room } = await published();

  await server.kill();
  await server.launch();

  await comesBack(room);
});

test("a server that is stopped tells the end of everything itself", async () => {
  const { room } = await published();

  await server.stop();
  const told = server.log.length;
  await server.launch();

  await comesBack(room);
  assert.doesNotMatch(server.log.slice(told), /are told to be gone/, "nothing is left to the next");
});

test("a server that is killed again and again tells it once as well", async () => {
  const { room } = await published();
  await server.kill();
  await browser.closePages();

  for (let turn = 0; turn < 3; turn += 1) {
    await server.launch();
    await server.kill();
  }
  await server.launch();

  await until("the end", () => times(room, "room_finished") === 1);
  await api().createRoom({ name: room });
  await close(room);
  assert.deepEqual([times(room, "participant_left"), times(room, "room_finished")], [1, 2]);
  assertBalance(room);
});
