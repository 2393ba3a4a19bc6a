// Media on another LiveKit server: a second Plenum plays that part, with the webhooks and the API of one.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { after, before } from "node:test";
import { promisify } from "node:util";

import { AccessToken, DataPacket_Kind, RoomServiceClient, TrackSource } from "livekit-server-sdk";

import { untilSeeing } from "../../e2e/lib/media.mjs";
import { freePort } from "../../e2e/lib/ports.mjs";
import { BINARY, Server } from "../../e2e/lib/server.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { withBrowser } from "../lib/livekit-page.mjs";
import { mediaAccess } from "../lib/media-access.mjs";
import { Scene } from "../lib/meeting.mjs";
import { seesAndChangesInPython } from "../lib/livekit-python.mjs";
import { PythonPeer } from "../lib/peer.mjs";
import test, { witness } from "../lib/test.mjs";
import { fromLooseJson } from "../lib/wire.mjs";

const scene = new Scene();
let livekit;
/** The API of the other server, and that of ours. */
let rooms;
let here;
const browser = withBrowser();
witness(() => ({ log: `${scene.server?.log}${livekit?.log}` }));

before(async () => {
  // Each names the other in its configuration, so one address must be known before.
  const port = await freePort();
  const hook = `http://127.0.0.1:${port}/webhook`;
  livekit = await Server.start({ config: `plenum:\n  livekit_webhooks: ["${hook}"]\n` });
  const { key, secret } = livekit.setup;
  scene.server = await Server.start({
    port,
    config: `livekit_info:\n  host: ${livekit.origin.replace("http", "ws")}\n  api_key: ${key}\n  secret: ${secret}\n`,
  });
  assert.equal(scene.server.setup.port, port, "the port was taken by somebody else");
  rooms = new RoomServiceClient(livekit.origin, key, secret, { failover: false });
  const ours = scene.server.setup;
  here = new RoomServiceClient(scene.server.origin, ours.key, ours.secret, { failover: false });
});
after(async () => {
  await scene.leaveAll();
  await scene.server?.dispose();
  await livekit?.dispose();
});

/** What a moderator's browser asks for. */
async function call(member, path, type, fields) {
  const { status, msg } = await member.call(path, "CommonResponse", type, fields);
  assert.equal(status, true, `${path}: ${msg}`);
}

const isActive = async (room) =>
  (await scene.server.api("/room/isRoomActive", { room_id: room })).body.is_active;

const identities = async (room) => (await rooms.listParticipants(room)).map((one) => one.identity);

test("members are sent to the other server, meet there, are muted and locked there, and the end ends it there", async () => {
  const room = await scene.room();
  const mod = await scene.inside(room, "mod", { admin: true });
  const initial = mod.events.find((event) => event.event === "RES_INITIAL_DATA");
  mod.sid = fromLooseJson("NatsInitialData", initial.msg).room.roomSid;
  const ann = await scene.inside(room, "ann");
  const access = await mediaAccess(ann);
  assert.equal(access.url, livekit.origin.replace("http", "ws"));
  const page = await browser.join(access);
  await page.evaluate(() => publish());
  const { url, token } = await mediaAccess(mod);
  const peer = new PythonPeer(url, token);
  try {
    await peer.receives("video", "ann");
    await untilSeeing(page, 1);
    assert.deepEqual((await identities(room)).sort(), ["ann", "mod"]);
    await until("the meeting to know who is connected", async () => {
      const { body } = await scene.server.api("/room/getActiveRoomInfo", { room_id: room });
      return body.room.participants_info.length === 2;
    });

    await call(mod, "muteUnmuteTrack", "MuteUnMuteTrackReq", {
      sid: mod.sid,
      roomId: room,
      userId: "ann",
      muted: true,
    });
    await until("the microphone to be off", () =>
      page.evaluate(() => !room.localParticipant.isMicrophoneEnabled),
    );

    await call(mod, "updateLockSettings", "UpdateUserLockSettingsReq", {
      roomSid: mod.sid,
      roomId: room,
      userId: "ann",
      service: "webcam",
      direction: "lock",
    });
    await until("the camera to be gone", async () => {
      const found = await rooms.getParticipant(room, "ann");
      return (
        found.tracks.every((track) => track.type === 0) &&
        found.permission.canPublishSources.length > 0
      );
    });

    await call(mod, "removeParticipant", "RemoveParticipantReq", {
      sid: mod.sid,
      roomId: room,
      userId: "ann",
      msg: "",
      blockUser: false,
    });
    await until("ann to be out", async () => !(await identities(room)).includes("ann"));

    await scene.server.api("/room/endRoom", { room_id: room });
    await peer.event("disconnected");
    await until("the room to be gone", async () => (await rooms.listRooms([room])).length === 0);
  } finally {
    await peer.leave();
  }
});

test("a room that no meeting has is closed on the other server", async () => {
  await rooms.createRoom({ name: "stray" });
  await until("the room to be gone", async () => (await rooms.listRooms(["stray"])).length === 0);
});

test("in a meeting LiveKit's server SDK asks this server, and it happens on the other, below the meeting's locks", async () => {
  const room = await scene.room({ metadata: { default_lock_settings: { lock_webcam: true } } });
  await scene.inside(room, "mod", { admin: true });
  const page = await browser.join(await mediaAccess(await scene.inside(room, "ann")));
  await page.evaluate(() => room.localParticipant.setMicrophoneEnabled(true));
  const microphone = await until("the microphone", async () => {
    const { tracks } = await here.getParticipant(room, "ann");
    return tracks.find((track) => track.source === TrackSource.MICROPHONE);
  });

  assert.equal((await here.updateRoomMetadata(room, "ours")).metadata, "ours");
  const changed = await here.updateParticipant(room, "ann", {
    name: "Anna",
    metadata: "new",
    attributes: { seat: "2" },
  });
  assert.deepEqual([changed.name, changed.metadata], ["Anna", "new"]);
  await until("the client to know", () =>
    page.evaluate(() => {
      const { name, metadata, attributes } = room.localParticipant;
      return (
        room.metadata === "ours" && name === "Anna" && metadata === "new" && attributes.seat === "2"
      );
    }),
  );

  const limited = await here.updateParticipant(room, "ann", {
    permission: {
      canSubscribe: true,
      canPublish: true,
      canPublishSources: [TrackSource.CAMERA, TrackSource.MICROPHONE],
    },
  });
  const only = [TrackSource.MICROPHONE];
  assert.deepEqual(limited.permission.canPublishSources, only, "the lock holds");
  await until("the client to know", () =>
    page.evaluate(() => room.localParticipant.permissions.canPublishSources.length === 1),
  );

  const bytes = new TextEncoder().encode("hello");
  const send = (options) => here.sendData(room, bytes, DataPacket_Kind.RELIABLE, options);
  await send({ destinationIdentities: ["ann"], topic: "news" });
  await send({ destinationIdentities: ["bob"], topic: "not hers" });
  await send({ topic: "last" });
  const topics = await until("the last message", async () => {
    const all = await page.evaluate(() => seen.data.map(({ topic }) => topic));
    return all.at(-1) === "last" && all;
  });
  assert.deepEqual(topics, ["news", "last"]);

  const muted = await here.mutePublishedTrack(room, "ann", microphone.sid, true);
  assert.deepEqual([muted.sid, muted.muted], [microphone.sid, true]);
  await until("the microphone to be off", () =>
    page.evaluate(() => !room.localParticipant.isMicrophoneEnabled),
  );
  const unmuted = here.mutePublishedTrack(room, "ann", microphone.sid, false);
  await assert.rejects(unmuted, { status: 412, message: "remote unmute not enabled" });
  const noTrack = { status: 404, code: "not_found", message: "track is not found" };
  await assert.rejects(here.mutePublishedTrack(room, "ann", "TR_x", true), noTrack);
  await assert.rejects(here.updateRoomMetadata(room, "x".repeat(512 * 1024 + 1)), {
    status: 400,
    code: "invalid_argument",
    message: "metadata exceeds limits",
  });

  await here.removeParticipant(room, "ann");
  await until("the client to be out", () =>
    page.evaluate(() => seen.events.some((event) => event.startsWith("Disconnected"))),
  );
  const nobody = { status: 404, code: "not_found", message: "participant does not exist" };
  await until("ann to be gone", () =>
    here.getParticipant(room, "ann").then(
      () => false,
      () => true,
    ),
  );
  await assert.rejects(here.removeParticipant(room, "ann"), nobody);
  await here.deleteRoom(room);
  await until("the meeting to be over", async () => !(await isActive(room)));
});

test("the API makes rooms there that no meeting has, and the Python SDK does everything in one", async () => {
  const name = `free-${randomUUID().slice(0, 8)}`;
  const made = await here.createRoom({ name, emptyTimeout: 77, metadata: "one" });
  assert.deepEqual([made.name, made.emptyTimeout, made.metadata], [name, 77, "one"]);
  assert.deepEqual(
    (await rooms.listRooms([name])).map(({ sid }) => sid),
    [made.sid],
  );
  const { key, secret } = livekit.setup;
  const token = new AccessToken(key, secret, { identity: "python" });
  token.addGrant({ roomJoin: true, room: name });
  const peer = new PythonPeer(livekit.origin.replace("http", "ws"), await token.toJwt());
  try {
    await peer.event("published");

    await seesAndChangesInPython(peer, scene.server.origin, scene.server.setup, name);
  } finally {
    await peer.leave();
  }
});

test("a meeting takes over the name of a room that the API made, and the end of that room is not the meeting's", async () => {
  const room = `free-${randomUUID().slice(0, 8)}`;
  const { sid } = await here.createRoom({ name: room });

  await scene.server.createRoom(room);

  assert.deepEqual(await rooms.listRooms([room]), [], "closed before the meeting begins");
  const { url, token } = await mediaAccess(await scene.inside(room, "ann"));
  const peer = new PythonPeer(url, token);
  try {
    // Webhooks come in their order: with this one, that of the room before has come.
    await until("the meeting to know who is connected", async () => {
      const { body } = await scene.server.api("/room/getActiveRoomInfo", { room_id: room });
      return body.room.participants_info.length === 1 && (await identities(room)).includes("ann");
    });
    assert.equal(await isActive(room), true);
    const described = await here.createRoom({
      name: room,
      emptyTimeout: 1,
      maxParticipants: 1,
      metadata: "m",
    });
    assert.notEqual(described.sid, sid);
    assert.deepEqual(
      [described.maxParticipants, described.metadata],
      [0, "m"],
      "size is the meeting's",
    );
  } finally {
    await peer.leave();
  }
});

test("after a kill the other server gets what it missed: the locks of the meeting, and what the API said", async () => {
  const room = await scene.room({ metadata: { default_lock_settings: { lock_webcam: true } } });
  await scene.inside(room, "mod", { admin: true });
  await browser.join(await mediaAccess(await scene.inside(room, "ann")));
  await until("ann to be there", async () => (await identities(room)).includes("ann"));
  const everything = { canSubscribe: true, canPublish: true };
  await here.updateParticipant(room, "ann", {
    permission: { ...everything, canSubscribe: false },
  });

  await scene.server.kill();
  const behind = await rooms.updateParticipant(room, "ann", { permission: everything });
  assert.equal(behind.permission.canSubscribe, true);
  assert.equal(behind.permission.canPublishSources.length, 0);
  await scene.server.launch();

  const caughtUp = await until("what the meeting and the API give", async () => {
    const { permission } = await rooms.getParticipant(room, "ann");
    return permission.canSubscribe ? null : permission;
  });
  assert.equal(caughtUp.canPublish, true);
  assert.ok(caughtUp.canPublishSources.includes(TrackSource.MICROPHONE));
  assert.ok(!caughtUp.canPublishSources.includes(TrackSource.CAMERA), "the webcam is locked");
});

test("the doctor looks at the other server, and whoever calls the API is told when that does not answer", async () => {
  const args = ["doctor", "--json", "--dev", "--config", scene.server.configFile];
  args.push("--data", scene.server.dataFolder, "--listen", `127.0.0.1:${scene.server.setup.port}`);
  const told = await promisify(execFile)(BINARY, args).catch((error) => error);
  const check = JSON.parse(told.stdout).checks.find((one) => one.topic === "media server");
  assert.equal(check.level, "ok", check.text);

  await livekit.stop();
  const dead = { status: 503, code: "unavailable", message: "the media server does not answer" };
  await assert.rejects(here.listRooms(), dead);
  await assert.rejects(here.updateParticipant("r", "ann", { metadata: "x" }), dead);
});
