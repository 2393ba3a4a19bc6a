// Files of a meeting: uploaded in pieces as Resumable.js sends them, found again by others, and gone with the session.
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";

import { until } from "../../e2e/lib/until.mjs";
import { withServer } from "../lib/meeting.mjs";
import test from "../lib/test.mjs";
import { encode, enumValue, fromLooseJson } from "../lib/wire.mjs";

const scene = withServer();

/** Smaller than the original client's ten mebibytes, so that a small file has several. */
const PIECE = 64 * 1024;
const PNG = Buffer.concat([
  Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"),
  randomBytes(200_000),
]);

const FILES = {
  chat_features: { is_allow: true, is_allow_file_upload: true },
  whiteboard_features: { is_allow: true },
};

/** What Resumable.js 1.1 does for one file, by hand: ask for each piece, send what is missing. */
class Resumable {
  sent = 0;

  constructor(member, name, content) {
    Object.assign(this, { member, name, content });
    this.identifier = `${content.length}-${name.replace(/[^0-9a-zA-Z_-]/g, "")}`;
    this.total = Math.ceil(content.length / PIECE);
  }

  url(number) {
    const piece = this.piece(number);
    const query = new URLSearchParams({
      resumableChunkNumber: number,
      resumableChunkSize: PIECE,
      resumableCurrentChunkSize: piece.length,
      resumableTotalSize: this.content.length,
      resumableType: "",
      resumableIdentifier: this.identifier,
      resumableFilename: this.name,
      resumableRelativePath: this.name,
      resumableTotalChunks: this.total,
      roomSid: "",
      roomId: this.member.room,
      userId: this.member.id,
      resumable: "true",
    });
    return `${scene.server.origin}/api/fileUpload?${query}`;
  }

  piece(number) {
    return this.content.subarray((number - 1) * PIECE, number * PIECE);
  }

  async upload(from = 1, to = this.total) {
    const headers = { Authorization: this.member.token };
    for (let number = from; number <= to; number += 1) {
      const test = await fetch(this.url(number), { headers });
      if (test.status === 201) continue;
      assert.equal(test.status, 204);
      const form = new FormData();
      form.append("file", new Blob([this.piece(number)]), "blob");
      const answer = await fetch(this.url(number), { method: "POST", headers, body: form });
      assert.equal(`${answer.status} ${await answer.text()}`, "200 part_uploaded");
      this.sent += 1;
    }
  }

  merge(type = "CHAT_FILE") {
    return call(this.member, "uploadedFileMerge", "UploadedFileMergeReq", "UploadedFileRes", {
      fileType: enumValue("RoomUploadedFileType", type),
      resumableIdentifier: this.identifier,
      resumableFilename: this.name,
      resumableTotalChunks: this.total,
    });
  }
}

const call = (member, path, question, answer, fields) =>
  member.call(path, answer, question, fields);

const download = (path) =>
  fetch(`${scene.server.origin}/download/uploadedFile/${encodeURIComponent(path)}`);

async function list(member, type) {
  const fields = { fileType: enumValue("RoomUploadedFileType", type) };
  const answer = await call(
    member,
    "getRoomFilesByType",
    "GetRoomUploadedFilesReq",
    "GetRoomUploadedFilesRes",
    fields,
  );
  assert.equal(answer.status, true, answer.msg);
  return answer.files;
}

test("a file that is shared in the chat reaches the others, also who comes later", async () => {
  const room = await scene.room({ features: FILES });
  const ana = await scene.inside(room, "ana");
  const ben = await scene.inside(room, "ben");
  const upload = new Resumable(ana, "Pläne 1.png", PNG);

  await upload.upload();
  const file = await upload.merge();
  assert.equal(file.status, true, file.msg);
  assert.deepEqual(
    [file.fileName, file.fileExtension, file.fileMimeType],
    ["Pläne 1.png", "png", "image/png"],
  );
  await ana.say(
    `<a class="attachment-message" href="${scene.server.origin}/download/uploadedFile/${encodeURIComponent(file.filePath)}">x</a>`,
  );

  await until("ben to see the file", () =>
    ben.chat.some((line) => line.message.includes("attachment-message")),
  );
  const answer = await download(file.filePath);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-disposition"), /^attachment; .*Pl%C3%A4ne%201\.png/);
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  assert.match(answer.headers.get("content-security-policy"), /sandbox/);
  assert.ok(PNG.equals(Buffer.from(await answer.arrayBuffer())));
  const late = await scene.inside(room, "late");
  assert.deepEqual(
    (await list(late, "CHAT_FILE")).map((found) => found.filePath),
    [file.filePath],
  );
});

test("an upload goes on after kill -9 with what is missing", async () => {
  const room = await scene.room({ features: FILES });
  const ana = await scene.inside(room, "ana");
  const upload = new Resumable(ana, "long.png", PNG);
  await upload.upload(1, 2);

  await scene.server.kill();
  await scene.server.launch();
  await upload.upload();
  const file = await upload.merge();

  assert.equal(file.status, true, file.msg);
  assert.equal(upload.sent, upload.total, "no piece was sent twice");
  assert.ok(PNG.equals(Buffer.from(await (await download(file.filePath)).arrayBuffer())));
});

test("a lock on files, a wrong kind and somebody else's path are refused", async () => {
  const room = await scene.room({
    features: FILES,
    metadata: { default_lock_settings: { lock_chat_file_share: true } },
  });
  const ana = await scene.inside(room, "ana");
  const refused = new Resumable(ana, "a.png", PNG);
  await refused.upload();
  assert.equal((await refused.merge()).msg, "locked by a moderator");
  const background = await refused.merge("VIRTUAL_BACKGROUND");
  assert.equal(background.status, true, background.msg);

  const page = new Resumable(ana, "notes.txt", Buffer.from("<html><script>alert(1)</script>"));
  const form = new FormData();
  form.append("file", new Blob([page.content]), "blob");
  const headers = { Authorization: ana.token };
  const answer = await fetch(page.url(1), { method: "POST", headers, body: form });
  assert.equal(answer.status, 415);
  assert.equal((await answer.json()).msg, "'html' is not an allowed file type");
  const guessed = background.filePath.replace(/\/[0-9a-f]{32}\//, `/${"0".repeat(32)}/`);
  assert.equal((await download(guessed)).status, 404);
});

test("files are gone with the session", async () => {
  const room = await scene.room({ features: FILES });
  const ana = await scene.inside(room, "ana", { admin: true });
  const picture = await call(
    ana,
    "uploadBase64EncodedData",
    "UploadBase64EncodedDataReq",
    "UploadBase64EncodedDataRes",
    {
      data: PNG.toString("base64"),
      fileName: "abc.png",
      fileType: enumValue("RoomUploadedFileType", "WHITEBOARD_IMAGE_FILE"),
    },
  );
  assert.equal(picture.status, true, picture.msg);
  assert.equal((await list(ana, "WHITEBOARD_IMAGE_FILE"))[0].fileId, "abc");
  assert.equal((await download(picture.filePath)).status, 200);

  await scene.server.api("/room/endRoom", { room_id: room });
  await ana.leave();

  await until("the file to be gone", async () => {
    assert.equal((await download(picture.filePath)).status, 404);
    return true;
  });
});

test("applications and recorders speak in the meeting", async () => {
  const room = await scene.room({ features: FILES });
  const ana = await scene.inside(room, "ana", { admin: true });
  const { body: said } = await scene.server.api("/room/broadcastToRoom", {
    room_id: room,
    chat_msg: { message: "ten minutes left" },
  });
  assert.equal(said.msg, "success");
  const line = await ana.event("SYSTEM_CHAT_MSG");
  assert.equal(line.msg, "ten minutes left");

  const initial = await ana.ask("REQ_INITIAL_DATA", "RES_INITIAL_DATA");
  const { dbTableId } = fromLooseJson("NatsInitialData", initial.msg).room;
  const report = encode("RecorderToPlugNmeet", {
    from: "recorder",
    task: enumValue("RecordingTasks", "START_RECORDING"),
    status: true,
    recordingId: "r-1",
    recorderId: "node_01",
    roomTableId: dbTableId,
  });
  const { key, secret } = scene.server.setup;
  const answer = await fetch(`${scene.server.origin}/auth/recorder/notify`, {
    method: "POST",
    headers: {
      "Content-Type": "application/protobuf",
      "API-KEY": key,
      "HASH-SIGNATURE": createHmac("sha256", secret).update(report).digest("hex"),
    },
    body: report,
  });
  assert.equal(`${answer.status} ${await answer.text()}`, "200 OK");
  await ana.event("ROOM_METADATA_UPDATE", {
    where: (event) => fromLooseJson("RoomMetadata", event.msg).isRecording,
  });
});
