// The published JavaScript SDK drives the server API, as an application that embeds meetings would.
import assert from "node:assert/strict";

import sdkModule from "plugnmeet-sdk-js";

import { until } from "../../e2e/lib/until.mjs";
import { withServer } from "../lib/meeting.mjs";
import test from "../lib/test.mjs";

const { PlugNmeet } = sdkModule;
const scene = withServer();

/** Methods that were called here, and answered. */
const exercised = new Set();

function sdk({ key = scene.server.setup.key, secret = scene.server.setup.secret } = {}) {
  return new Proxy(new PlugNmeet(scene.server.origin, key, secret), {
    get(target, name) {
      if (typeof target[name] !== "function") return target[name];
      return async (...args) => {
        const answer = await target[name](...args);
        exercised.add(name);
        return answer;
      };
    },
  });
}

const ROOM = {
  room_id: "sdk-room",
  max_participants: 25,
  empty_timeout: 600,
  metadata: {
    room_title: "Weekly planning",
    welcome_message: "Hello",
    webhook_url: "http://127.0.0.1:9/hook",
    logout_url: "http://127.0.0.1:9/bye",
    room_features: {
      allow_webcams: true,
      mute_on_start: false,
      allow_screen_share: true,
      allow_rtmp: false,
      admin_only_webcams: false,
      allow_view_other_webcams: true,
      allow_view_other_users_list: true,
      room_duration: 90,
      enable_analytics: false,
      allow_virtual_bg: true,
      allow_raise_hand: true,
      recording_features: {
        is_allow: true,
        is_allow_cloud: false,
        is_allow_local: true,
        enable_auto_cloud_recording: false,
      },
      chat_features: { is_allow: true, is_allow_file_upload: false },
      shared_note_pad_features: { is_allow: false },
      whiteboard_features: { is_allow: true },
      external_media_player_features: { is_allow: false },
      waiting_room_features: { is_active: false },
      breakout_room_features: { is_allow: true, allowed_number_rooms: 3 },
      display_external_link_features: { is_allow: false },
      ingress_features: { is_allow: false },
    },
    default_lock_settings: {
      lock_microphone: false,
      lock_screen_sharing: true,
      lock_private_chat: true,
    },
  },
};

/** Every value of `sent` must stand in `got` under the same key. */
function assertContains(got, sent, path = "metadata") {
  for (const [key, value] of Object.entries(sent)) {
    if (value !== null && typeof value === "object")
      assertContains(got?.[key], value, `${path}.${key}`);
    else assert.equal(got?.[key], value, `${path}.${key}`);
  }
}

test("a room is created with every feature value as sent", async () => {
  const answer = await sdk().createRoom(ROOM);

  assert.equal(answer.status, true, answer.msg);
  assert.equal(answer.room_info.room_id, "sdk-room");
  assert.equal(answer.room_info.room_title, "Weekly planning");
  assert.match(answer.room_info.sid, /^[0-9a-f-]{36}$/);
  const { room_duration: minutes, ...features } = ROOM.metadata.room_features;
  const metadata = JSON.parse(answer.room_info.metadata);
  assertContains(metadata, { ...ROOM.metadata, room_features: features });
  assert.equal(Number(metadata.room_features.room_duration), minutes);
});

test("an active room is returned as it is when it is created again", async () => {
  const first = await sdk().createRoom(ROOM);
  const again = await sdk().createRoom({
    ...ROOM,
    metadata: { ...ROOM.metadata, room_title: "Another title" },
  });

  assert.equal(again.status, true);
  assert.equal(again.room_info.sid, first.room_info.sid);
  assert.equal(again.room_info.room_title, "Weekly planning");
});

test("a join token is made, and names the person and the room", async () => {
  await sdk().createRoom(ROOM);

  const answer = await sdk().getJoinToken({
    room_id: "sdk-room",
    user_info: {
      name: "Ana",
      user_id: "ana",
      is_admin: true,
      is_hidden: false,
      user_metadata: { profile_pic: "http://127.0.0.1:9/ana.png" },
    },
  });

  assert.equal(answer.status, true, answer.msg);
  const claims = JSON.parse(Buffer.from(answer.token.split(".")[1], "base64url"));
  assert.equal(claims.sub, "ana");
  assert.equal(claims.user_id, "ana");
  assert.equal(claims.room_id, "sdk-room");
  assert.equal(claims.name, "Ana");
  assert.equal(claims.is_admin, true);
  assert.equal(claims.iss, scene.server.setup.key);
  assert.equal(claims.exp - claims.nbf, 600);
});

test("active rooms are found by id and in the list", async () => {
  await sdk().createRoom(ROOM);

  const one = await sdk().getActiveRoomInfo({ room_id: "sdk-room" });
  const all = await sdk().getActiveRoomsInfo();

  assert.equal(one.status, true, one.msg);
  assert.equal(one.room.room_info.room_id, "sdk-room");
  assert.deepEqual(one.room.participants_info, []);
  assert.equal(all.status, true, all.msg);
  assert.ok(all.rooms.some((room) => room.room_info.room_id === "sdk-room"));
});

test("a room is active until it is ended, and the same id can start again", async () => {
  const created = await sdk().createRoom({ ...ROOM, room_id: "sdk-life" });
  assert.equal((await sdk().isRoomActive({ room_id: "sdk-life" })).is_active, true);

  const ended = await sdk().endRoom({ room_id: "sdk-life" });
  assert.equal(ended.status, true, ended.msg);
  assert.equal((await sdk().isRoomActive({ room_id: "sdk-life" })).is_active, false);

  const next = await sdk().createRoom({ ...ROOM, room_id: "sdk-life" });
  assert.equal(next.status, true, next.msg);
  assert.notEqual(next.room_info.sid, created.room_info.sid);
});

test("a room that never was is not active, cannot be joined and cannot be ended", async () => {
  const active = await sdk().isRoomActive({ room_id: "nowhere" });
  const token = await sdk().getJoinToken({
    room_id: "nowhere",
    user_info: { name: "Ana", user_id: "ana" },
  });
  const ended = await sdk().endRoom({ room_id: "nowhere" });

  assert.deepEqual(
    { status: active.status, is_active: active.is_active },
    { status: true, is_active: false },
  );
  assert.equal(token.status, false);
  assert.equal(token.msg, "room is not active");
  assert.equal(ended.status, false);
  assert.equal(ended.msg, "room not found or not active");
});

test("a wrong key and a wrong secret are refused with the documented words", async () => {
  const key = await sdk({ key: "somebody-else" }).createRoom(ROOM);
  const secret = await sdk({ secret: "not-the-secret" }).createRoom(ROOM);

  assert.deepEqual(
    { status: key.status, msg: key.msg },
    { status: false, msg: "Invalid API key provided." },
  );
  assert.deepEqual(
    { status: secret.status, msg: secret.msg },
    { status: false, msg: "Failed to verify provided authentication details." },
  );
});

test("past rooms are listed with the session that is over", async () => {
  await sdk().createRoom({ ...ROOM, room_id: "sdk-past" });
  await sdk().endRoom({ room_id: "sdk-past" });

  const answer = await until("the session is over", async () => {
    const past = await sdk().fetchPastRoomsInfo({ room_ids: ["sdk-past"], limit: 5 });
    return past.status && past;
  });

  assert.equal(answer.result.rooms_list[0].room_id, "sdk-past");
  assert.equal(answer.result.rooms_list[0].room_title, "Weekly planning");
});

test("what sessions leave behind is asked for in words the SDK understands", async () => {
  const expected = { status: false, msg: "no recording found" };
  const recordings = await sdk().fetchRecordings({ room_ids: ["nowhere"] });
  const analytics = await sdk().fetchAnalytics({ room_ids: ["nowhere"] });

  assert.deepEqual({ status: recordings.status, msg: recordings.msg }, expected);
  assert.equal(analytics.msg, "no artifact found");
  for (const [method, request, msg] of [
    ["deleteRecordings", { record_id: "nothing" }, "recording not found"],
    ["getRecordingDownloadToken", { record_id: "nothing" }, "recording not found"],
    ["deleteAnalytics", { file_id: "nothing" }, "artifact not found"],
    ["getAnalyticsDownloadToken", { file_id: "nothing" }, "artifact not found"],
  ]) {
    const answer = await sdk()[method](request);
    assert.deepEqual({ status: answer.status, msg: answer.msg }, { status: false, msg }, method);
  }
});

test("the client's files are listed, and they are there", async () => {
  const answer = await sdk().getClientFiles();

  assert.equal(answer.status, true);
  assert.ok(answer.js.length > 0 && answer.js.every((name) => name.startsWith("main")));
  for (const path of [
    ...answer.js.map((name) => `js/${name}`),
    ...answer.css.map((name) => `css/${name}`),
  ]) {
    const file = await fetch(`${scene.server.origin}/assets/${path}`);
    assert.equal(file.status, 200, path);
  }
});

test("every method the SDK has was called and answered", () => {
  const methods = Object.getOwnPropertyNames(PlugNmeet.prototype).filter(
    (name) => name !== "constructor",
  );

  assert.ok(methods.length >= 14, methods.join(" "));
  assert.deepEqual(
    methods.filter((name) => !exercised.has(name)),
    [],
  );
});
