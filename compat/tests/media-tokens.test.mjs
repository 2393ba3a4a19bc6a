// Whom the media door lets in, on every way through it: asking, opening, coming back.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import test from "node:test";

import WebSocket from "ws";

import { sign } from "../../e2e/lib/server.mjs";
import { mediaAccess } from "../lib/media-access.mjs";
import { withServer } from "../lib/meeting.mjs";

const scene = withServer();

const AN_HOUR = 3600;

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** The server's own key for media tokens. */
const mediaSecret = () => sign(scene.server.setup.secret, "plenum media tokens");

/** The token with other claims, signed anew. */
function forge(token, change, secret = mediaSecret()) {
  const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
  change(claims);
  const text = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

/** What each way through the door answers; 101 is an open socket. */
async function answers(token) {
  const query = `access_token=${token}&join_request=`;
  const paths = [`/rtc/validate?${query}`, `/rtc/v1/validate?${query}`];
  const asked = paths.map(async (path) => (await fetch(`${scene.server.origin}${path}`)).status);
  const sockets = [`/rtc?${query}`, `/rtc/v1?${query}`, `/rtc?access_token=${token}&reconnect=1`];
  return Promise.all([...asked, ...sockets.map(upgrade)]);
}

function upgrade(path) {
  return new Promise((done, fail) => {
    const socket = new WebSocket(`${scene.server.origin.replace("http", "ws")}${path}`);
    socket.on("unexpected-response", (_, response) => {
      socket.terminate();
      done(response.statusCode);
    });
    socket.on("open", () => {
      socket.close();
      done(101);
    });
    socket.on("error", fail);
  });
}

const everywhere = (status) => [status, status, status, status, status];

async function tokenOf(room, id, options) {
  return (await mediaAccess(await scene.inside(room, id, options))).token;
}

test("a token of somebody inside opens every door", async () => {
  const room = await scene.room();
  const token = await tokenOf(room, "ana", { admin: true });

  assert.deepEqual(await answers(token), [200, 200, 101, 101, 101]);
  assert.deepEqual(await answers(forge(token, () => {})), [200, 200, 101, 101, 101]);
});

test("a token that ran out, or that another key signed, opens none", async () => {
  const room = await scene.room();
  const token = await tokenOf(room, "ana", { admin: true });
  const now = Math.floor(Date.now() / 1000);

  const expired = forge(token, (claims) => (claims.exp = now - AN_HOUR));
  const early = forge(token, (claims) => (claims.nbf = now + AN_HOUR));
  const foreign = forge(token, () => {}, "a-secret-of-somebody-else-entirely");
  const api = forge(token, () => {}, scene.server.setup.secret);
  const unknown = forge(token, (claims) => (claims.iss = "another-key"));
  const unsigned = `${encoded({ alg: "none" })}.${token.split(".")[1]}.`;

  for (const bad of [expired, early, foreign, api, unknown, unsigned, "x"])
    assert.deepEqual(await answers(bad), everywhere(401));
});

test("a token of another room or another session of it finds no room", async () => {
  const [room, other] = [await scene.room(), await scene.room()];
  const token = await tokenOf(room, "ana", { admin: true });
  await scene.inside(other, "ben", { admin: true });

  const elsewhere = forge(token, (claims) => (claims.video.room = other));
  const before = forge(
    token,
    (claims) => (claims.room_sid = "00000000-0000-4000-8000-000000000000"),
  );
  const nowhere = forge(token, (claims) => (claims.video.room = "no-such-room"));

  for (const bad of [elsewhere, before, nowhere])
    assert.deepEqual(await answers(bad), everywhere(404));
});

test("a token that a newer one replaced opens nothing any more", async () => {
  const room = await scene.room();
  const token = await tokenOf(room, "ana", { admin: true });

  const newer = await tokenOf(room, "ana", { admin: true });

  assert.deepEqual(await answers(token), everywhere(401));
  assert.deepEqual((await answers(newer)).slice(0, 2), [200, 200]);
});
