// Media on another LiveKit server: a second Plenum plays that part, with the webhooks and the API of one.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before } from "node:test";
import { promisify } from "node:util";

import { RoomServiceClient } from "livekit-server-sdk";

import { untilSeeing } from "../../e2e/lib/media.mjs";
import { freePort } from "../../e2e/lib/ports.mjs";
import { BINARY, Server } from "../../e2e/lib/server.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { withBrowser } from "../lib/livekit-page.mjs";
import { mediaAccess } from "../lib/media-access.mjs";
import { Scene } from "../lib/meeting.mjs";
import { PythonPeer } from "../lib/peer.mjs";
import test, { witness } from "../lib/test.mjs";
import { decode, encode, fromLooseJson } from "../lib/wire.mjs";

const scene = new Scene();
let livekit;
let rooms;
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
});
after(async () => {
  await scene.leaveAll();
  await scene.server?.dispose();
  await livekit?.dispose();
});

/** What a moderator's browser asks for. */
async function call(member, path, type, fields) {
  const answer = await fetch(`${scene.server.origin}/api/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/protobuf", Authorization: member.token },
    body: encode(type, fields),
  });
  const { status, msg } = decode("CommonResponse", new Uint8Array(await answer.arrayBuffer()));
  assert.equal(status, true, `${path}: ${msg}`);
}

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

test("the other server's API is not answered here, and the doctor looks at that server", async () => {
  const { key, secret } = scene.server.setup;
  const here = new RoomServiceClient(scene.server.origin, key, secret, { failover: false });
  await assert.rejects(here.listRooms(), { status: 503, code: "unavailable" });

  const args = ["doctor", "--json", "--dev", "--config", scene.server.configFile];
  args.push("--data", scene.server.dataFolder, "--listen", `127.0.0.1:${scene.server.setup.port}`);
  const told = await promisify(execFile)(BINARY, args).catch((error) => error);
  const check = JSON.parse(told.stdout).checks.find((one) => one.topic === "media server");
  assert.equal(check.level, "ok", check.text);
});
