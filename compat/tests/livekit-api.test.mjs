// LiveKit's own server SDKs against our server API, with LiveKit's own clients in the rooms.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import http from "node:http";
import { after } from "node:test";

import {
  AccessToken,
  AgentDispatchClient,
  DataPacket_Kind,
  EgressClient,
  IngressClient,
  IngressInput,
  RoomServiceClient,
  SipClient,
  TrackSource,
  WebhookReceiver,
} from "livekit-server-sdk";

import { until } from "../../e2e/lib/until.mjs";
import { untilHearing, untilSeeing, untilWay } from "../../e2e/lib/media.mjs";
import { withBrowser } from "../lib/livekit-page.mjs";
import { mediaAccess } from "../lib/media-access.mjs";
import { withServer } from "../lib/meeting.mjs";
import { seesAndChangesInPython } from "../lib/livekit-python.mjs";
import { PythonPeer } from "../lib/peer.mjs";
import { knock } from "../lib/raw.mjs";
import test from "../lib/test.mjs";

/** Receives LiveKit's webhooks with LiveKit's own verification. */
class Hooks {
  events = [];
  problems = [];

  async start() {
    this.server = http.createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString();
      try {
        assert.equal(request.headers["content-type"], "application/webhook+json");
        const receiver = new WebhookReceiver("test-key", SECRET);
        this.events.push(await receiver.receive(body, request.headers.authorization));
      } catch (error) {
        this.problems.push(error.message);
      }
      response.end();
    });
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.server.address().port}/hook`;
  }

  of(room) {
    return this.events.filter((event) => event.room.name === room);
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

const SECRET = "a-secret-that-only-this-test-server-knows";
const hooks = new Hooks();
const scene = withServer(async () => {
  await hooks.start();
  return { config: `plenum:\n  livekit_webhooks: ["${hooks.url}"]\n` };
});
after(() => hooks.stop());
const browser = withBrowser();

function api(Client = RoomServiceClient, secret = SECRET) {
  return new Client(scene.server.origin, "test-key", secret, { failover: false });
}

const rooms = () => api();
const fresh = () => `free-${randomUUID().slice(0, 8)}`;

/** A token as an application makes it with LiveKit's SDK. */
async function ticket(room, identity, grant = {}, options = {}) {
  const { roomConfig, ...rest } = options;
  const token = new AccessToken("test-key", SECRET, { identity, ...rest });
  token.addGrant({ roomJoin: true, room, ...grant });
  if (roomConfig) token.roomConfig = roomConfig;
  return { url: scene.server.origin.replace("http", "ws"), token: await token.toJwt() };
}

const refusal = (status, code, message) => ({ status, code, message });

test("a room is made, listed, described anew and deleted", async () => {
  const name = fresh();

  const made = await rooms().createRoom({
    name,
    emptyTimeout: 77,
    departureTimeout: 33,
    maxParticipants: 9,
    metadata: "one",
  });
  assert.match(made.sid, /^RM_/);
  assert.deepEqual(
    [made.name, made.emptyTimeout, made.departureTimeout, made.maxParticipants, made.metadata],
    [name, 77, 33, 9, "one"],
  );
  const again = await rooms().createRoom({ name, emptyTimeout: 78 });
  assert.deepEqual([again.sid, again.emptyTimeout, again.metadata], [made.sid, 78, "one"]);
  assert.equal((await rooms().updateRoomMetadata(name, "two")).metadata, "two");

  const [listed, ...none] = await rooms().listRooms([name, "no-such-room"]);
  assert.deepEqual([listed.sid, listed.metadata, none], [made.sid, "two", []]);
  assert.ok((await rooms().listRooms()).some((room) => room.name === name));

  await rooms().deleteRoom(name);
  assert.deepEqual(await rooms().listRooms([name]), []);
  const gone = refusal(404, "not_found", "requested room does not exist");
  await assert.rejects(rooms().deleteRoom(name), gone);
  await assert.rejects(rooms().updateRoomMetadata(name, "x"), gone);
  await until("both webhooks", () => hooks.of(name).length === 2);
  assert.deepEqual(
    hooks.of(name).map((event) => event.event),
    ["room_started", "room_finished"],
  );
});

test("what cannot be is refused in LiveKit's words", async () => {
  const name = fresh();
  await rooms().createRoom({ name });

  const nobody = refusal(404, "not_found", "participant does not exist");
  await assert.rejects(rooms().getParticipant(name, "ann"), nobody);
  await assert.rejects(rooms().removeParticipant(name, "ann"), nobody);
  await assert.rejects(rooms().mutePublishedTrack(name, "ann", "TR_x", true), nobody);
  await assert.rejects(rooms().updateParticipant(name, "ann", { metadata: "x" }), nobody);
  await assert.rejects(rooms().updateSubscriptions(name, "ann", ["TR_x"], true), nobody);
  await assert.rejects(rooms().getParticipant("no such room", "ann"), nobody);
  assert.deepEqual(await rooms().listParticipants("no-such-room"), []);
  const noRoom = refusal(404, "not_found", "requested room does not exist");
  const bytes = new TextEncoder().encode("x");
  await assert.rejects(rooms().sendData("no-such-room", bytes, DataPacket_Kind.RELIABLE), noRoom);
  await assert.rejects(rooms().createRoom({ name: "a b" }), {
    status: 400,
    code: "invalid_argument",
  });
  await assert.rejects(rooms().createRoom({ name: "" }), { status: 400, code: "invalid_argument" });
  const large = "x".repeat(512 * 1024 + 1);
  const tooLarge = refusal(400, "invalid_argument", "metadata exceeds limits");
  await assert.rejects(rooms().updateRoomMetadata(name, large), tooLarge);
  const other = api(RoomServiceClient, "another-secret-of-somebody-else-entirely");
  await assert.rejects(other.listRooms(), refusal(401, "unauthenticated", "invalid token"));
  for (const call of [
    () => rooms().forwardParticipant(name, "ann", "elsewhere"),
    () => rooms().moveParticipant(name, "ann", "elsewhere"),
  ]) {
    await assert.rejects(call, { status: 501, code: "unimplemented" });
  }
});

/** A call by hand: `token` holds these grants. */
async function raw(method, grant, body, { type = "application/json", verb = "POST" } = {}) {
  const token = new AccessToken("test-key", SECRET, { identity: "caller" });
  token.addGrant(grant);
  const answer = await fetch(`${scene.server.origin}/twirp/livekit.${method}`, {
    method: verb,
    headers: { "Content-Type": type, Authorization: `Bearer ${await token.toJwt()}` },
    body: verb === "GET" ? undefined : body,
  });
  return { status: answer.status, body: await answer.json() };
}

test("every method asks for its grant, and for the room it is about", async () => {
  const name = fresh();
  const denied = { status: 401, body: { code: "unauthenticated", msg: "permissions denied" } };
  const everythingElse = { roomList: true, roomJoin: true, room: name };

  for (const [method, body] of [
    ["CreateRoom", { name }],
    ["DeleteRoom", { room: name }],
  ])
    assert.deepEqual(
      await raw(
        `RoomService/${method}`,
        { ...everythingElse, roomAdmin: true },
        JSON.stringify(body),
      ),
      denied,
    );
  assert.deepEqual(await raw("RoomService/ListRooms", { roomCreate: true }, "{}"), denied);
  for (const method of [
    "ListParticipants",
    "GetParticipant",
    "RemoveParticipant",
    "MutePublishedTrack",
    "UpdateParticipant",
    "UpdateSubscriptions",
    "SendData",
    "UpdateRoomMetadata",
  ]) {
    const body = JSON.stringify({ room: name, identity: "ann" });
    const elsewhere = { roomAdmin: true, roomCreate: true, room: "another" };
    assert.deepEqual(await raw(`RoomService/${method}`, everythingElse, body), denied, method);
    assert.deepEqual(await raw(`RoomService/${method}`, elsewhere, body), denied, method);
  }
  const { token } = await mediaAccess(
    await scene.inside(await scene.room(), "ana", { admin: true }),
  );
  const answer = await fetch(`${scene.server.origin}/twirp/livekit.RoomService/ListRooms`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: "{}",
  });
  assert.deepEqual([answer.status, (await answer.json()).code], [401, "unauthenticated"]);
});

test("JSON is read in both spellings and written as LiveKit writes it; what is no call is told so", async () => {
  const name = fresh();
  const create = (body, how) => raw("RoomService/CreateRoom", { roomCreate: true }, body, how);

  const text = `{"name":"${name}","empty_timeout":"61","departureTimeout":62,"metadata":null,"x":[1]}`;
  const { status, body } = await create(text);
  assert.deepEqual(
    [
      status,
      body.name,
      body.empty_timeout,
      body.departure_timeout,
      body.metadata,
      body.max_participants,
    ],
    [200, name, 61, 62, "", 0],
  );
  assert.match(body.creation_time, /^\d+$/);

  const told = async (how, code, msg) => assert.deepEqual((await how).body, { code, msg }, msg);
  await told(create("{"), "malformed", "the json request could not be decoded");
  const binary = { type: "application/protobuf" };
  await told(create("\u0007", binary), "malformed", "the protobuf request could not be decoded");
  await told(
    create("{}", { type: "text/plain" }),
    "bad_route",
    'unexpected Content-Type: "text/plain"',
  );
  await told(
    create("", { verb: "GET" }),
    "bad_route",
    'unsupported method "GET" (only POST is allowed)',
  );
  await told(
    raw("RoomService/Nothing", {}, "{}"),
    "bad_route",
    'no handler for path "/twirp/livekit.RoomService/Nothing"',
  );
  const bad = await raw(
    "RoomService/SendData",
    { roomAdmin: true, room: name },
    JSON.stringify({ room: name, data: "", nonce: "AAAA" }),
  );
  assert.equal(bad.body.msg, "nonce should be 16-bytes or not present, got: 3 bytes");
});

test("what needs a gateway that is not there says so, and lists are empty", async () => {
  const [ingress, egress, sip, agents] = [
    IngressClient,
    EgressClient,
    SipClient,
    AgentDispatchClient,
  ].map((Client) => api(Client));
  assert.deepEqual(await ingress.listIngress(), []);
  assert.deepEqual(await egress.listEgress(), []);
  assert.deepEqual(await sip.listSipInboundTrunk(), []);
  assert.deepEqual(await sip.listSipDispatchRule(), []);
  assert.deepEqual(await agents.listDispatch("r"), []);
  const unimplemented = { status: 501, code: "unimplemented" };
  const source = { name: "a", roomName: "r", participantIdentity: "i", participantName: "n" };
  await assert.rejects(ingress.createIngress(IngressInput.RTMP_INPUT, source), unimplemented);
  await assert.rejects(egress.stopEgress("EG_x"), unimplemented);
  await assert.rejects(sip.createSipInboundTrunk("t", ["+1"]), unimplemented);
  await assert.rejects(sip.createSipParticipant("ST_x", "+1", "r"), unimplemented);
  await assert.rejects(agents.createDispatch("r", "a"), unimplemented);
  const denied = { status: 401, body: { code: "unauthenticated", msg: "permissions denied" } };
  for (const method of ["Ingress/ListIngress", "Egress/ListEgress", "SIP/ListSIPInboundTrunk"])
    assert.deepEqual(await raw(method, { roomCreate: true }, "{}"), denied);
});

test("an application's own token opens a room that nobody made, and webhooks tell its life", async () => {
  const name = fresh();
  const roomConfig = { departureTimeout: 1, emptyTimeout: 50, metadata: "of the token" };
  const { RoomConfiguration } = await import("@livekit/protocol");
  const entry = await ticket(
    name,
    "ann",
    {},
    {
      name: "Ann",
      metadata: "hers",
      attributes: { seat: "1" },
      roomConfig: new RoomConfiguration(roomConfig),
    },
  );

  const page = await browser.join(entry);
  await page.evaluate(() => publish());

  assert.equal(await page.evaluate(() => room.metadata), "of the token");
  const ann = await until("both tracks", async () => {
    const [found] = await rooms().listParticipants(name);
    return found?.tracks.length === 2 && found;
  });
  assert.deepEqual([ann.identity, ann.name, ann.metadata], ["ann", "Ann", "hers"]);
  assert.deepEqual({ ...ann.attributes }, { seat: "1" });
  const [described] = await rooms().listRooms([name]);
  assert.deepEqual([described.numParticipants, described.emptyTimeout], [1, 50]);

  await page.evaluate(() => room.disconnect());
  const events = await until("the room to end", () => {
    const all = hooks.of(name);
    return all.at(-1)?.event === "room_finished" && all;
  });
  const names = events.map((event) => event.event);
  assert.deepEqual(names.slice(0, 2), ["room_started", "participant_joined"]);
  assert.deepEqual(names.filter((event) => event === "track_published").length, 2);
  assert.deepEqual(names.filter((event) => event === "track_unpublished").length, 2);
  assert.deepEqual(names.slice(-2), ["participant_left", "room_finished"]);
  const joined = events[1];
  assert.deepEqual([joined.participant.name, joined.participant.state], ["Ann", 2]);
  const published = events.find((event) => event.event === "track_published");
  assert.deepEqual([published.participant.identity, published.participant.name], ["ann", ""]);
  assert.match(published.track.sid, /^TR_/);
  assert.match(published.id, /^EV_.{12}$/);
  assert.deepEqual(hooks.problems, []);
});

test("somebody is described anew, muted, sent messages, and taken out for good", async () => {
  const name = fresh();
  const entry = await ticket(name, "ann");
  const page = await browser.join(entry);
  await page.evaluate(() => publish());
  const ann = await until("both tracks", async () => {
    const found = await rooms().getParticipant(name, "ann");
    return found.tracks.length === 2 && found;
  });

  const changed = await rooms().updateParticipant(name, "ann", {
    name: "Anna",
    metadata: "new",
    attributes: { seat: "2" },
  });
  assert.deepEqual([changed.name, changed.metadata], ["Anna", "new"]);
  await until("the client to know", () =>
    page.evaluate(() => {
      const { name, metadata, attributes } = room.localParticipant;
      return name === "Anna" && metadata === "new" && attributes.seat === "2";
    }),
  );
  const without = await rooms().updateParticipant(name, "ann", { attributes: { seat: "" } });
  assert.deepEqual({ ...without.attributes }, {});

  const microphone = ann.tracks.find((track) => track.source === TrackSource.MICROPHONE);
  const muted = await rooms().mutePublishedTrack(name, "ann", microphone.sid, true);
  assert.deepEqual([muted.sid, muted.muted], [microphone.sid, true]);
  await until("the client to be muted", () =>
    page.evaluate(() => !room.localParticipant.isMicrophoneEnabled),
  );
  const refused = refusal(412, "failed_precondition", "remote unmute not enabled");
  await assert.rejects(rooms().mutePublishedTrack(name, "ann", microphone.sid, false), refused);
  const noTrack = refusal(404, "not_found", "track is not found");
  await assert.rejects(rooms().mutePublishedTrack(name, "ann", "TR_x", true), noTrack);

  const bytes = new TextEncoder().encode("hello");
  await rooms().sendData(name, bytes, DataPacket_Kind.RELIABLE, {
    destinationIdentities: ["ann"],
    topic: "news",
  });
  await rooms().sendData(name, bytes, DataPacket_Kind.RELIABLE, { destinationIdentities: ["bob"] });
  await rooms().sendData(name, bytes, DataPacket_Kind.RELIABLE, { topic: "last" });
  const data = await until("the last message", async () => {
    const all = await page.evaluate(() => seen.data);
    return all.at(-1)?.topic === "last" && all;
  });
  assert.deepEqual(
    data.map(({ text, topic }) => [text, topic]),
    [
      ["hello", "news"],
      ["hello", "last"],
    ],
  );

  await rooms().updateRoomMetadata(name, "ours");
  await until("the client to know", () => page.evaluate(() => room.metadata === "ours"));

  await rooms().removeParticipant(name, "ann");
  await until("the client to be out", () =>
    page.evaluate(() => seen.events.some((event) => event === "Disconnected 4")),
  );
  const knocked = await fetch(`${scene.server.origin}/rtc/validate?access_token=${entry.token}`);
  assert.equal(knocked.status, 401, "a token from before");
});

test("rights that the API changes hold at once and after a reconnect", async () => {
  const name = fresh();
  const page = await browser.join(await ticket(name, "ann"));
  await page.evaluate(() => publish());
  const watcher = await browser.join(await ticket(name, "bob", { canPublish: false }));
  await untilSeeing(watcher, 1);

  const info = await rooms().updateParticipant(name, "ann", {
    permission: { canSubscribe: true, canPublish: false, canPublishData: false },
  });
  assert.equal(info.permission.canPublish, false);
  await until("the tracks to be gone", async () => {
    return (await rooms().getParticipant(name, "ann")).tracks.length === 0;
  });
  await until("the client to know", () =>
    page.evaluate(() => room.localParticipant.permissions.canPublish === false),
  );

  // The client keeps the newest token, and comes back with it.
  await page.evaluate(() => room.simulateScenario("full-reconnect"));
  await until("the client to be back", () =>
    page.evaluate(() => seen.events.some((event) => event.startsWith("Reconnected"))),
  );
  assert.equal((await rooms().getParticipant(name, "ann")).permission.canPublish, false);

  await rooms().updateParticipant(name, "ann", {
    permission: { canSubscribe: true, canPublish: true, canPublishData: true },
  });
  await until("the client to know", () =>
    page.evaluate(() => room.localParticipant.permissions.canPublish === true),
  );
  await page.evaluate(() => room.localParticipant.setCameraEnabled(true));
  await untilSeeing(watcher, 1);
});

test("the API subscribes somebody and takes it away again", async () => {
  const name = fresh();
  const page = await browser.join(await ticket(name, "ann"));
  await page.evaluate(() => publish());
  const watcher = await browser.join(await ticket(name, "bob"));
  await untilSeeing(watcher, 1);
  const { tracks } = await rooms().getParticipant(name, "ann");
  const sids = tracks.map((track) => track.sid);
  const subscribed = () =>
    watcher.evaluate(() => {
      const [ann] = room.remoteParticipants.values();
      return [...ann.trackPublications.values()].filter((one) => one.track).length;
    });

  await rooms().updateSubscriptions(name, "bob", sids, false);
  await until("nothing to arrive", async () => (await subscribed()) === 0);
  await rooms().updateSubscriptions(name, "bob", sids, true);
  await until("everything to arrive", async () => (await subscribed()) === 2);
  const noTrack = refusal(404, "not_found", "track is not found");
  await assert.rejects(rooms().updateSubscriptions(name, "bob", ["TR_x"], true), noTrack);
});

for (const singlePeerConnection of [true, false]) {
  const model = singlePeerConnection ? "one connection" : "two connections";
  test(`a room has sound and pictures of one person played in step, over ${model}`, async () => {
    const name = fresh();
    await rooms().createRoom({ name, syncStreams: true });
    const page = await browser.join(await ticket(name, "ann"));
    await page.evaluate(() => publish());
    await page.evaluate(() => shareScreen());
    const watcher = await browser.join(await ticket(name, "bob"), { singlePeerConnection });
    await untilSeeing(watcher, 2);
    await untilHearing(watcher, 2);

    const streams = await watcher.evaluate(() => {
      const [ann] = room.remoteParticipants.values();
      const tracks = [...ann.trackPublications.values()];
      return Object.fromEntries(tracks.map(({ source, track }) => [source, track.mediaStream.id]));
    });
    assert.equal(streams.camera, streams.microphone);
    assert.equal(streams.screen_share, streams.screen_share_audio);
    assert.notEqual(streams.camera, streams.screen_share);
  });
}

test("a room has receivers keep pictures for as long as it says", async () => {
  const name = fresh();
  await rooms().createRoom({ name, minPlayoutDelay: 1000, maxPlayoutDelay: 3000 });
  const page = await browser.join(await ticket(name, "ann"));
  await page.evaluate(() => publish());
  const watcher = await browser.join(await ticket(name, "bob"));
  await untilSeeing(watcher, 1);
  const kept = () =>
    watcher.evaluate(async () => {
      const open = window.__peerConnections.filter((pc) => pc.connectionState !== "closed");
      const reports = await Promise.all(open.map((pc) => pc.getStats()));
      const all = reports.flatMap((report) => [...report.values()]);
      const pictures = all.find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
      return pictures.jitterBufferDelay / pictures.jitterBufferEmittedCount;
    });
  await until("pictures to be a second old", async () => (await kept()) > 0.9);
});

test("of somebody who is sent out before media flowed a webhook says just that", async () => {
  const name = fresh();
  const { url, token } = await ticket(name, "ann");
  const { status, socket } = await knock(`${url}/rtc/v1?access_token=${token}&join_request=EgA%3D`);
  assert.equal(status, 101);
  await rooms().removeParticipant(name, "ann");
  const told = await until("the webhook", () =>
    hooks.of(name).find(({ participant }) => participant?.identity === "ann"),
  );
  socket.terminate();
  assert.equal(told.event, "participant_connection_aborted");
});

test("people are called what their application calls them", async () => {
  const name = fresh();
  const [ann, zoe] = ["ann@example.org", "user:1 / Zoë <b> %s"];
  const first = await browser.join(await ticket(name, ann));
  const second = await browser.join(await ticket(name, zoe));
  await first.evaluate(() => publish());
  await untilSeeing(second, 1);

  const seenBy = (page) =>
    page.evaluate(() => [...room.remoteParticipants.values()].map(({ identity }) => identity));
  assert.deepEqual([await seenBy(first), await seenBy(second)], [[zoe], [ann]]);
  assert.equal((await rooms().getParticipant(name, zoe)).identity, zoe);
  await rooms().updateParticipant(name, zoe, { name: "Zoë" });
  await until("the new name", () =>
    first.evaluate((who) => room.remoteParticipants.get(who)?.name === "Zoë", zoe),
  );
  // Her login at the relay is made of that name.
  await second.evaluate(() => room.simulateScenario("force-tls"));
  await untilSeeing(second, 1);
  await untilWay(second, "the relay", ({ type, relay }) => type === "relay" && relay === "tcp");
  await rooms().removeParticipant(name, zoe);
  await until("her to be out", async () => (await seenBy(first)).length === 0);
});

test("a good token with names that nobody can have is told so, one without a room opens none", async () => {
  const answer = async (room, identity, options = {}) => {
    const { token } = await ticket(room, identity, {}, options);
    return (await fetch(`${scene.server.origin}/rtc/validate?access_token=${token}`)).status;
  };

  assert.equal(await answer(fresh(), "ann"), 200);
  assert.equal(await answer("r".repeat(300), "ann"), 400);
  assert.equal(await answer("a room", "ann"), 400);
  assert.equal(await answer(fresh(), "i".repeat(300)), 400);
  assert.equal(await answer(fresh(), "a\nb"), 400);
  assert.equal(await answer(fresh(), "ann", { name: "n".repeat(300) }), 400);
  assert.equal(await answer("", "ann"), 401);
});

test("a full room takes nobody more, and one that is deleted sends everybody out", async () => {
  const name = fresh();
  await rooms().createRoom({ name, maxParticipants: 1 });
  const page = await browser.join(await ticket(name, "ann"));

  const { url, token } = await ticket(name, "bob");
  // An empty request in base64: no compression, nothing said.
  const query = `access_token=${token}&join_request=EgA%3D`;
  for (const path of ["/rtc", "/rtc/v1"]) {
    assert.equal((await knock(`${url}${path}?${query}`)).status, 503, path);
    const asked = await fetch(`${scene.server.origin}${path}/validate?${query}`);
    assert.deepEqual([asked.status, await asked.text()], [503, "the room is full"], path);
    assert.equal(asked.headers.get("access-control-allow-origin"), "*");
  }
  const again = await ticket(name, "ann");
  const free = await fetch(`${scene.server.origin}/rtc/validate?access_token=${again.token}`);
  assert.deepEqual([free.status, await free.text()], [200, "success"], "who is in has a place");

  await rooms().deleteRoom(name);
  await until("the client to be out", () =>
    page.evaluate(() => seen.events.some((event) => event === "Disconnected 5")),
  );
});

test("in a meeting the API takes rights away and gives none that a lock forbids", async () => {
  const room = await scene.room({ metadata: { default_lock_settings: { lock_webcam: true } } });
  await scene.inside(room, "mod", { admin: true });
  const page = await browser.join(await mediaAccess(await scene.inside(room, "ann")));
  const sources = async () =>
    (await rooms().getParticipant(room, "ann")).permission.canPublishSources;
  const camera = TrackSource.CAMERA;
  assert.ok(!(await sources()).includes(camera), "locked");

  await rooms().updateParticipant(room, "ann", {
    permission: {
      canSubscribe: true,
      canPublish: true,
      canPublishSources: [camera, TrackSource.MICROPHONE],
    },
  });
  assert.deepEqual(
    await sources(),
    [TrackSource.MICROPHONE],
    "the lock holds, the rest is taken away",
  );
  await until("the client to know", () =>
    page.evaluate(() => room.localParticipant.permissions.canPublishSources.length === 1),
  );

  // An application's own token for somebody the meeting does not know opens nothing.
  const stranger = await ticket(room, "stranger");
  const knocked = await fetch(`${scene.server.origin}/rtc/validate?access_token=${stranger.token}`);
  assert.notEqual(knocked.status, 200);

  await rooms().removeParticipant(room, "ann");
  const people = await scene.server.api("/room/getActiveRoomInfo", { room_id: room });
  const identities = people.body.room.participants_info.map(({ identity }) => identity);
  assert.ok(!identities.includes("ann"));

  await rooms().deleteRoom(room);
  await until("the meeting to be over", async () => {
    const { body } = await scene.server.api("/room/isRoomActive", { room_id: room });
    return body.is_active === false;
  });
});

test("the Python SDK sees and changes the same", async () => {
  const name = fresh();
  const peer = new PythonPeer(...Object.values(await ticket(name, "python")));
  try {
    await peer.event("published");

    const keys = { key: "test-key", secret: SECRET };
    await seesAndChangesInPython(peer, scene.server.origin, keys, name);
  } finally {
    await peer.leave();
  }
});
