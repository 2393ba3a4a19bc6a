// What a stranger or a hostile member may do to the sockets: nothing that anybody else notices.
import assert from "node:assert/strict";

import { untilHearing, untilSeeing } from "../../e2e/lib/media.mjs";
import { sign } from "../../e2e/lib/server.mjs";
import { withBrowser } from "../lib/livekit-page.mjs";
import { mediaAccess } from "../lib/media-access.mjs";
import { withServer } from "../lib/meeting.mjs";
import { forge, knock, RawSocket } from "../lib/raw.mjs";
import test from "../lib/test.mjs";

// A proxy of ours says whom a connection is for; that is how one machine can have many addresses here.
const scene = withServer({
  config: "  proxy_conf: {enabled: true, trusted_proxy_ips: [127.0.0.1]}\n",
});
const browser = withBrowser();

const HOUR = 3600;

/** How the server makes the secret of media tokens from the one of the API. */
function mediaSecret() {
  return sign(scene.server.setup.secret, "plenum media tokens");
}

async function access(room, id, options) {
  return mediaAccess(await scene.inside(room, id, options));
}

/** Mallory's signalling socket, in the meeting with rights like everybody's. */
async function mallory(room) {
  const { url, token } = await access(room, "mallory");
  const socket = await RawSocket.open(`${url}/rtc?access_token=${token}&auto_subscribe=1`);
  // Answers come in the encoding of the last message.
  socket.send(JSON.stringify({ ping: "0" }));
  await socket.hears(/pong/);
  return socket;
}

/** Two people whose picture must go on whatever `attack` does. */
async function besideAPicture(attack) {
  const room = await scene.room();
  const ana = await browser.join(await access(room, "ana", { admin: true }));
  const ben = await browser.join(await access(room, "ben"));
  await ben.evaluate(() => publish());
  await untilSeeing(ana, 1);

  await attack(room);

  await untilSeeing(ana, 1);
  await untilHearing(ana, 1);
  assert.deepEqual(ana.problems, []);
  scene.server.assertAlive();
}

test("a media token opens the socket until it is over, foreign, or changed", async () => {
  const room = await scene.room();
  const { url, token } = await access(room, "ana", { admin: true });
  const join = await scene.token(room, "ana");
  const now = Math.floor(Date.now() / 1000);
  const status = async (token) => {
    const answer = await knock(`${url}/rtc?access_token=${token}`);
    answer.socket?.terminate();
    return answer.status;
  };

  const fresh = forge(await renewed(room), {}, mediaSecret());
  assert.equal(await status(fresh), 101, "signed as the server signs it is good");
  assert.equal(await status(forge(fresh, { exp: now - HOUR }, mediaSecret())), 401);
  assert.equal(await status(forge(fresh, {}, "another secret of another server!!")), 401);
  assert.equal(await status(forge(fresh, {}, scene.server.setup.secret)), 401);
  assert.equal(await status(`${fresh.slice(0, -4)}AAAA`), 401);
  assert.equal(await status(join), 401, "a join token is no media token");
  assert.equal(await status(token), 401, "a token from before the newest join token");
  assert.equal(await status(""), 401);
  assert.equal(await status("x".repeat(20_000)), 401);
});

/** A media token of somebody whose newest join token it belongs to. */
async function renewed(room) {
  return (await access(room, "ben")).token;
}

test("a single connection needs a join request that can be read", async () => {
  const room = await scene.room();
  const { url, token } = await access(room, "ana", { admin: true });
  const gzipBomb = Buffer.concat([Buffer.from([8, 1, 18, 4]), Buffer.from("nogz")]);

  for (const [what, query] of [
    ["none", ""],
    ["one that is not base64", "&join_request=%00%ff"],
    ["base64 of garbage", `&join_request=${Buffer.from("garbage").toString("base64url")}`],
    ["what is not gzip", `&join_request=${gzipBomb.toString("base64url")}`],
  ]) {
    const answer = await knock(`${url}/rtc/v1?access_token=${token}${query}`);
    answer.socket?.terminate();
    assert.equal(answer.status, 400, what);
  }
});

const GARBAGE = {
  "bytes that are no message": Buffer.from([255, 255, 255, 255, 0, 1, 2, 3]),
  "a length that lies": Buffer.from([10, 255, 255, 255, 127]),
  "text that is no JSON": "{{{{",
  "JSON of the wrong shape": '{"offer": 5}',
  "JSON that is nested deeply": "[".repeat(100_000),
  "an offer without a description": '{"offer": {"type": "offer", "sdp": ""}}',
  "an offer that is no description": '{"offer": {"type": "offer", "sdp": "v=0\\r\\nm=garbage"}}',
  "an offer of ten thousand media sections": JSON.stringify({
    offer: {
      type: "offer",
      sdp: `v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n${"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(10_000)}`,
    },
  }),
  "an answer nobody asked for": '{"answer": {"type": "answer", "sdp": "v=0\\r\\n"}}',
  "a candidate that is none": '{"trickle": {"candidateInit": "{\\"candidate\\":\\"x\\"}"}}',
};

test("garbage in the signalling socket ends at most that socket, and the picture of others goes on", async () => {
  await besideAPicture(async (room) => {
    for (const [what, message] of Object.entries(GARBAGE)) {
      const socket = await mallory(room);
      socket.send(message);
      // Either the socket is closed, or it still answers; silence would be a session that hangs.
      socket.send(JSON.stringify({ pingReq: { timestamp: "7", rtt: "0" } }));
      await Promise.race([socket.ended(), socket.hears(/pongResp|leave/)]).catch((error) => {
        throw new Error(`after ${what}: ${error.message}`);
      });
      socket.drop();
      scene.server.assertAlive();
    }
  });
});

test("a message longer than any is not read to its end", async () => {
  await besideAPicture(async (room) => {
    const socket = await mallory(room);
    socket.send(Buffer.alloc(3 * 1024 * 1024));
    await socket.ended();
  });
});

test("a flood of requests slows its own socket and not the picture of others", async () => {
  await besideAPicture(async (room) => {
    const socket = await mallory(room);
    for (let count = 0; count < 20_000; count += 1)
      socket.send(JSON.stringify({ mute: { sid: `TR_${count}`, muted: true } }));
    socket.send(JSON.stringify({ pingReq: { timestamp: "8", rtt: "0" } }));
    await Promise.race([socket.ended(), socket.hears(/pongResp/)]);
    socket.drop();
  });
});

// -- /nats -----------------------------------------------------------------------------------------------------------

async function natsUrl(room, id = "ana") {
  return `${scene.server.origin.replace("http", "ws")}/nats?of=${room}-${id}`;
}

test("a frame longer than any ends its connection and no other", async () => {
  const room = await scene.room();
  const ana = await scene.inside(room, "ana", { admin: true });
  const socket = await RawSocket.open(await natsUrl(room));

  socket.send(Buffer.alloc(10 * 1024 * 1024, "x"));

  await socket.ended();
  await ana.ask("PING", "PONG");
});

test("a token that ran out opens nothing for somebody who was never inside", async () => {
  const room = await scene.room();
  const token = await scene.token(room, "ana");
  const now = Math.floor(Date.now() / 1000);
  const { secret } = scene.server.setup;
  const answer = async (changes) => {
    const socket = await RawSocket.open(await natsUrl(room));
    const connect = { auth_token: forge(token, changes, secret), protocol: 1 };
    socket.send(Buffer.from(`CONNECT ${JSON.stringify(connect)}\r\nPING\r\n`));
    const heard = await socket.hears(/PONG|-ERR/);
    socket.drop();
    return heard;
  };

  // Clocks may differ by a minute, and who was inside may come back for three hours.
  assert.match(await answer({ exp: now - HOUR }), /-ERR 'Authorization Violation'/);
  assert.match(await answer({ exp: now - 24 * HOUR }), /-ERR 'Authorization Violation'/);
  assert.match(await answer({}), /PONG/);
});

test("strangers from one address get their share of the places and leave the rest to others", async () => {
  const room = await scene.room();
  const url = await natsUrl(room);
  const from = (address) => knock(url, { "X-Forwarded-For": address });

  const crowd = await Promise.all(Array.from({ length: 160 }, () => from("192.0.2.9")));
  const inside = crowd.filter((answer) => answer.status === 101);
  assert.equal(inside.length, 128);
  assert.ok(crowd.every((answer) => [101, 503].includes(answer.status)));

  const other = await from("192.0.2.10");
  assert.equal(other.status, 101, "somebody else finds a place");
  const ana = await scene.inside(room, "ana", { admin: true });
  await ana.ask("PING", "PONG");
  for (const { socket } of [...inside, other]) socket.terminate();
});
