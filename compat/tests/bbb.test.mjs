// A published BigBlueButton client library creates, joins, watches and ends meetings.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import bbb from "bigbluebutton-js";

import { until } from "../../e2e/lib/until.mjs";
import { withServer } from "../lib/meeting.mjs";
import { Member, verifyToken } from "../lib/member.mjs";
import test from "../lib/test.mjs";

const scene = withServer();

function client(secret = scene.server.setup.secret) {
  return bbb.api(`${scene.server.origin}/${scene.server.setup.key}/bigbluebutton`, secret);
}

/** Creates a meeting and returns the answer as the library reads it. */
function create(id, options = {}) {
  const { administration } = client();
  return bbb.http(administration.create(`Meeting ${id}`, id, options));
}

/** Follows a join link as a browser would, up to the redirect. */
async function follow(url) {
  const answer = await fetch(url, { redirect: "manual" });
  assert.equal(answer.status, 303, await answer.text());
  const target = new URL(answer.headers.get("location"));
  return { target, token: target.searchParams.get("access_token") };
}

async function features(room) {
  const { body } = await scene.server.api("/room/getActiveRoomInfo", { room_id: room });
  assert.equal(body.status, true, body.msg);
  return JSON.parse(body.room.room_info.metadata).room_features;
}

test("a meeting is created, and created again it is the same one", async () => {
  const first = await create("again", { attendeePW: "ap", moderatorPW: "mp" });
  const second = await create("again", { moderatorPW: "other" });

  assert.equal(first.returncode, "SUCCESS", first.message);
  assert.equal(first.meetingID, "again");
  assert.match(first.internalMeetingID, /^[0-9a-f-]{36}$/);
  assert.deepEqual([first.attendeePW, first.moderatorPW], ["ap", "mp"]);
  assert.deepEqual(second, first);
});

test("what a meeting is created without is off", async () => {
  const disabledFeatures = "chat,polls,sharedNotes,breakoutRooms,screenshare,presentation";
  await create("plain", { record: false, disabledFeatures, muteOnStart: true });

  const found = await features("plain");

  assert.deepEqual(
    {
      recording: found.recording_features.is_allow,
      cloud: found.recording_features.is_allow_cloud,
      chat: found.chat_features.is_allow,
      polls: found.polls_features.is_allow,
      notes: found.shared_note_pad_features.is_allow,
      breakout: found.breakout_room_features.is_allow,
      screen: found.allow_screen_share,
      board: found.whiteboard_features.is_allow,
    },
    {
      recording: false,
      cloud: false,
      chat: false,
      polls: false,
      notes: false,
      breakout: false,
      screen: false,
      board: false,
    },
  );
  assert.equal(found.mute_on_start, true);
  assert.equal(found.external_media_player_features.is_allow, true);
});

test("a meeting with recording allows it", async () => {
  await create("recorded", { record: true, autoStartRecording: true });

  const { recording_features: recording } = await features("recorded");

  assert.equal(recording.is_allow_cloud, true);
  assert.equal(recording.enable_auto_cloud_recording, true);
});

test("a join link leads into the meeting with the role of its password", async () => {
  const id = "Réunion n° 7";
  await create(id, { attendeePW: "ap", moderatorPW: "mp", logo: "https://example.org/logo.png" });
  const room = createHash("md5").update(id).digest("hex");

  for (const [name, password, isAdmin] of [
    ["Ada", "mp", true],
    ["Ben", "ap", false],
  ]) {
    const { target, token } = await follow(client().administration.join(name, id, password));

    assert.equal(target.origin, scene.server.origin);
    assert.deepEqual(JSON.parse(target.searchParams.get("custom_design")), {
      custom_logo: "https://example.org/logo.png",
    });
    const admission = await verifyToken(scene.server.origin, token);
    assert.equal(admission.status, true, admission.msg);
    assert.equal(admission.roomId, room);
    const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
    assert.equal(claims.is_admin ?? false, isAdmin);
  }
});

test("whoever is in a meeting is shown, and nobody there learns its passwords", async () => {
  await create("shown", { attendeePW: "ap", moderatorPW: "mp-secret", meta_course: "R&D <7>" });
  const { administration, monitoring } = client();
  const link = administration.join("Ada & Co", "shown", "mp-secret", { userID: "teacher@7" });
  const { origin } = scene.server;
  const member = await Member.enter({ origin, token: (await follow(link)).token });
  try {
    const { msg } = await member.ask("REQ_INITIAL_DATA", "RES_INITIAL_DATA");
    assert.equal(msg.includes("mp-secret"), false);

    const info = await bbb.http(monitoring.getMeetingInfo("shown"));

    assert.equal(info.returncode, "SUCCESS");
    assert.deepEqual(
      [info.meetingID, info.meetingName, info.moderatorPW],
      ["shown", "Meeting shown", "mp-secret"],
    );
    assert.deepEqual(
      [info.participantCount, info.moderatorCount, info.listenerCount, info.hasUserJoined],
      [1, 1, 1, true],
    );
    const { attendee } = info.attendees;
    assert.equal(attendee.userID, "teacher@7");
    assert.equal(attendee.fullName, "Ada &amp; Co"); // this library leaves entities as they are
    assert.equal(attendee.role, "MODERATOR");
    assert.equal(info.metadata.course, "R&amp;D &lt;7&gt;");
    const { meetings } = await bbb.http(monitoring.getMeetings());
    assert.ok(meetings.some((meeting) => meeting.meetingID === "shown"));
  } finally {
    await member.leave();
  }
});

test("a meeting runs until it is ended", async () => {
  const { administration, monitoring } = client();
  const running = async () => (await bbb.http(monitoring.isMeetingRunning("brief one"))).running;
  assert.equal(await running(), false);
  await create("brief one", { moderatorPW: "mp" });
  assert.equal(await running(), true);

  const ended = await bbb.http(administration.end("brief one", "mp"));

  assert.equal(ended.messageKey, "sentEndMeetingRequest");
  await until("the meeting to end", async () => !(await running()));
  const info = await bbb.http(monitoring.getMeetingInfo("brief one"));
  assert.deepEqual([info.returncode, info.messageKey], ["FAILED", "notFound"]);
});

test("a server without recordings says so", async () => {
  const { recording } = client();

  const all = await bbb.http(recording.getRecordings());
  const ofOne = await bbb.http(recording.getRecordings({ meetingID: "again" }));
  const deleted = await bbb.http(recording.deleteRecordings("none"));

  assert.deepEqual([all.returncode, all.messageKey], ["SUCCESS", "noRecordings"]);
  assert.deepEqual([ofOne.returncode, ofOne.messageKey], ["SUCCESS", "noRecordings"]);
  assert.deepEqual([deleted.returncode, deleted.messageKey], ["FAILED", "error"]);
});

test("a wrong secret opens nothing", async () => {
  const { administration } = client("some-other-secret");

  const answer = await bbb.http(administration.create("Meeting", "foreign", {}));

  assert.deepEqual([answer.returncode, answer.messageKey], ["FAILED", "checksumError"]);
  const { body } = await scene.server.api("/room/isRoomActive", { room_id: "foreign" });
  assert.equal(body.is_active, false);
});
