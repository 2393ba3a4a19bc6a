// The server API byte by byte: what a signed curl gets, and what bad input gets.
import assert from "node:assert/strict";

import { sign } from "../../e2e/lib/server.mjs";
import { withServer } from "../lib/meeting.mjs";
import test from "../lib/test.mjs";

const scene = withServer();

const yes = { is_allow: true };

/** A request that names every documented field, each with a value that is not its default where that is possible. */
const EVERYTHING = {
  room_id: "room01",
  max_participants: 40,
  empty_timeout: 1200,
  metadata: {
    room_title: "Test room",
    welcome_message: "Welcome to room",
    room_features: {
      allow_webcams: true,
      mute_on_start: false,
      allow_screen_share: true,
      allow_rtmp: true,
      admin_only_webcams: false,
      allow_view_other_webcams: true,
      allow_view_other_users_list: true,
      enable_analytics: true,
      allow_virtual_bg: true,
      allow_raise_hand: true,
      auto_gen_user_id: false,
      recording_features: {
        ...yes,
        is_allow_cloud: true,
        is_allow_local: true,
        enable_auto_cloud_recording: false,
      },
      chat_features: { ...yes, is_allow_file_upload: true },
      shared_note_pad_features: yes,
      whiteboard_features: yes,
      external_media_player_features: yes,
      waiting_room_features: { is_active: false },
      breakout_room_features: { ...yes, allowed_number_rooms: 2 },
      display_external_link_features: yes,
      ingress_features: yes,
      polls_features: yes,
      insights_features: {
        ...yes,
        transcription_features: {
          ...yes,
          is_allow_translation: true,
          is_allow_speech_synthesis: true,
        },
        chat_translation_features: yes,
        ai_features: { ...yes, ai_text_chat_features: yes, meeting_summarization_features: yes },
      },
      sip_dial_in_features: { ...yes, enable_dial_in_on_create: true, hide_phone_number: false },
      end_to_end_encryption_features: {
        is_enabled: false,
        enabled_self_insert_encryption_key: false,
      },
    },
    default_lock_settings: {
      lock_microphone: false,
      lock_webcam: false,
      lock_screen_sharing: true,
      lock_whiteboard: true,
      lock_shared_notepad: true,
      lock_chat: false,
      lock_chat_send_message: false,
      lock_chat_file_share: false,
      lock_private_chat: false,
    },
    extra_data: { course: "7", group: "b" },
  },
};

/** Paths under which `got` differs from what was sent; numbers may come back as decimal strings. */
function differences(got, sent, path = "") {
  return Object.entries(sent).flatMap(([key, value]) => {
    const here = `${path}${key}`;
    if (value !== null && typeof value === "object")
      return differences(got?.[key] ?? {}, value, `${here}.`);
    return String(got?.[key]) === String(value)
      ? []
      : [`${here}: sent ${value}, got ${got?.[key]}`];
  });
}

test("the documented example comes back with every feature value as sent", async () => {
  const { status, body } = await scene.server.api("/room/create", EVERYTHING);

  assert.equal(status, 200);
  assert.equal(body.status, true, body.msg);
  assert.equal(body.status_code, "SUCCESS");
  assert.equal(body.room_info.room_title, "Test room");
  assert.deepEqual(differences(JSON.parse(body.room_info.metadata), EVERYTHING.metadata), []);
});

test("an answer names every field, in snake_case, with 64-bit numbers as text", async () => {
  const { body } = await scene.server.api("/room/create", { ...EVERYTHING, room_id: "room-shape" });

  assert.deepEqual(Object.keys(body).sort(), ["msg", "room_info", "status", "status_code"]);
  assert.equal(typeof body.room_info.creation_time, "string");
  for (const key of [
    "room_id",
    "sid",
    "is_running",
    "is_recording",
    "webhook_url",
    "metadata",
    "joined_participants",
  ]) {
    assert.ok(key in body.room_info, key);
  }
});

const UNSIGNED = [
  ["no key", { "API-KEY": undefined }, "Missing API-KEY header.", "MISSING_REQUIRED_PARAMETER"],
  ["a foreign key", { "API-KEY": "nobody" }, "Invalid API key provided.", "INVALID_API_KEY"],
  [
    "no signature",
    { "HASH-SIGNATURE": undefined },
    "Missing HASH-SIGNATURE header.",
    "MISSING_REQUIRED_PARAMETER",
  ],
  [
    "a wrong signature",
    { "HASH-SIGNATURE": "0".repeat(64) },
    "Failed to verify provided authentication details.",
    "INVALID_TOKEN_OR_SIGNATURE",
  ],
];

for (const [what, change, msg, code] of UNSIGNED) {
  test(`${what} is refused with 401 and changes nothing`, async () => {
    const text = JSON.stringify({ ...EVERYTHING, room_id: "room-unsigned" });
    const headers = {
      "Content-Type": "application/json",
      "API-KEY": scene.server.setup.key,
      "HASH-SIGNATURE": sign(scene.server.setup.secret, text),
      ...change,
    };
    const sent = Object.fromEntries(
      Object.entries(headers).filter(([, value]) => value !== undefined),
    );

    const answer = await fetch(`${scene.server.origin}/auth/room/create`, {
      method: "POST",
      headers: sent,
      body: text,
    });

    assert.equal(answer.status, 401);
    assert.deepEqual(await answer.json(), { status: false, msg, status_code: code });
    const { body } = await scene.server.api("/room/isRoomActive", { room_id: "room-unsigned" });
    assert.equal(body.is_active, false);
  });
}

/** Ids of every room that runs. */
async function roomIds() {
  const { body } = await scene.server.api("/room/getActiveRoomsInfo", {});
  return body.rooms.map((room) => room.room_info.room_id);
}

const BAD_BODIES = {
  "no JSON at all": "room",
  "JSON that breaks off": '{"room_id":"x","metadata":{',
  "a list": "[]",
  "a wrong type": '{"room_id":7}',
  "an id with a slash": '{"room_id":"a/b","metadata":{"room_title":"t","room_features":{}}}',
  "an id with a dot": '{"room_id":"a.b","metadata":{"room_title":"t","room_features":{}}}',
  "no title": '{"room_id":"x1","metadata":{"room_features":{}}}',
  "an empty body": "",
  "very deep nesting": `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`,
};

for (const [what, text] of Object.entries(BAD_BODIES)) {
  test(`${what} is refused in the documented form and the server carries on`, async () => {
    const before = await roomIds();

    const { status, body } = await scene.server.api("/room/create", text);

    assert.equal(status, 200);
    assert.equal(body.status, false);
    assert.equal(body.status_code, "INVALID_PARAMETERS");
    assert.ok(body.msg.length > 0);
    assert.deepEqual(Object.keys(body).sort(), ["msg", "status", "status_code"]);
    assert.deepEqual(await roomIds(), before, "nothing changed");
    assert.equal((await fetch(`${scene.server.origin}/healthCheck`)).status, 200);
  });
}

test("a name, a title and an id of 64 KiB are refused by name, and nothing changes", async () => {
  const room = await scene.room();
  const before = await roomIds();
  const long = "n".repeat(65_536);
  const refused = (msg) => ({
    status: false,
    msg: `validation error: ${msg}`,
    status_code: "INVALID_PARAMETERS",
  });

  const named = await scene.server.api("/room/getJoinToken", {
    room_id: room,
    user_info: { user_id: "long", name: long },
  });
  assert.equal(named.status, 200);
  assert.deepEqual(named.body, refused("user_info.name: must be at most 255 characters"));
  const titled = await scene.server.api("/room/create", {
    room_id: "long-title",
    metadata: { room_title: long, room_features: {} },
  });
  assert.deepEqual(titled.body, refused("metadata.room_title: must be at most 255 characters"));
  const id = await scene.server.api("/room/create", {
    room_id: long,
    metadata: { room_title: "t", room_features: {} },
  });
  assert.deepEqual(id.body, refused("room_id: must be at most 64 characters"));

  assert.deepEqual(await roomIds(), before);
});

test("unknown fields are passed over, wrong types deep inside are refused", async () => {
  const before = await roomIds();
  const features = { chat_features: { is_allow: "true" } };
  const wrong = await scene.server.api("/room/create", {
    room_id: "deep",
    metadata: { room_title: "t", room_features: features },
  });
  assert.equal(wrong.body.status_code, "INVALID_PARAMETERS");
  assert.deepEqual(await roomIds(), before);

  const unknown = await scene.server.api("/room/create", {
    room_id: "unknown-fields",
    nobody: { knows: [1] },
    metadata: { room_title: "t", room_features: { chat_features: { nobody: "knows" } } },
  });
  assert.equal(unknown.body.status, true, unknown.body.msg);
});

test("a body beyond the limit is answered with 413 or a closed connection", async () => {
  const text = JSON.stringify({
    room_id: "big",
    metadata: { room_title: "x".repeat(80 * 1024 * 1024) },
  });
  let status;
  try {
    ({ status } = await scene.server.api("/room/create", text));
  } catch (error) {
    status = error.cause?.code ?? error.message;
  }

  assert.ok([413, "ECONNRESET", "EPIPE", "UND_ERR_SOCKET"].includes(status), `got ${status}`);
  assert.equal((await fetch(`${scene.server.origin}/healthCheck`)).status, 200);
});

test("another origin may call, as embedding pages do", async () => {
  const preflight = await fetch(`${scene.server.origin}/api/verifyToken`, {
    method: "OPTIONS",
    headers: {
      Origin: "http://example.invalid",
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "authorization,content-type",
    },
  });

  assert.equal(preflight.status, 204);
  assert.ok(
    ["*", "http://example.invalid"].includes(preflight.headers.get("access-control-allow-origin")),
  );
  assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /authorization/i);
});
