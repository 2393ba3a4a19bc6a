// Webhooks as an application receives them: signed, in order, and not lost when either side dies.
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { after, before } from "node:test";

import { Server } from "../../e2e/lib/server.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { Member } from "../lib/member.mjs";
import { Receiver } from "../lib/receiver.mjs";
import test from "../lib/test.mjs";

const operator = new Receiver();
const own = new Receiver();
let server;

before(async () => {
  await operator.start();
  await own.start();
  server = await Server.start({
    config: `  webhook_conf:\n    enable: true\n    url: ${operator.url}\n    enable_for_per_meeting: true\n`,
  });
});
after(async () => {
  await server?.dispose();
  await operator.stop();
  await own.stop();
});

/** The payload of a token that `secret` signed. */
function verified(token, secret) {
  const [header, payload, signature] = token.split(".");
  const expected = createHmac("sha256", secret).update(`${header}.${payload}`).digest("base64url");
  assert.equal(signature, expected);
  return JSON.parse(Buffer.from(payload, "base64url"));
}

test("the life of a room arrives in order, signed over its body", async () => {
  await server.createRoom("hooked");
  const token = await server.token("hooked", { id: "ana", name: "Ana", admin: true });
  const ana = await Member.enter({ origin: server.origin, token });
  await ana.ask("REQ_INITIAL_DATA", "RES_INITIAL_DATA");
  await server.api("/room/endRoom", { room_id: "hooked" });
  await ana.leave();

  const expected = ["room_created", "room_started", "session_ended", "room_finished"];
  await until("all four events", () => operator.of("hooked").length >= expected.length);
  assert.deepEqual(operator.of("hooked"), expected);
  for (const event of operator.events) {
    assert.equal(event.headers["content-type"], "application/json");
    assert.equal(event.headers.authorization, event.headers["hash-token"]);
    const claims = verified(event.headers.authorization, server.setup.secret);
    assert.equal(claims.iss, server.setup.key);
    assert.equal(claims.sha256, createHash("sha256").update(event.raw).digest("base64"));
    assert.equal(claims.exp, claims.nbf + 300);
  }
});

test("what a receiver does not take is delivered after it, and after a crash of the server, once and in order", async () => {
  operator.status = 503;
  await server.createRoom("patient");
  await until("a refusal", () => operator.refused > 0);
  await server.api("/room/endRoom", { room_id: "patient" });

  await server.kill();
  await server.launch();
  operator.status = 200;

  const expected = ["room_created", "session_ended", "room_finished"];
  await until("the three events", () => operator.of("patient").length >= expected.length);
  assert.deepEqual(operator.of("patient"), expected);
  const metrics = await (await fetch(`${server.origin}/metrics`)).text();
  assert.match(metrics, /plenum_webhooks_parked 0/);
});

test("an address a room names is not asked inside our own network", async () => {
  await server.createRoom("inward", { metadata: { webhook_url: own.url } });

  await until("the operator to hear", () => operator.of("inward").length > 0);
  await until("an attempt in vain", async () => {
    const metrics = await (await fetch(`${server.origin}/metrics`)).text();
    return /plenum_webhook_attempts_total\{outcome="failed"\} [1-9]/.test(metrics);
  });
  assert.deepEqual(own.events, []);
  assert.equal(own.refused, 0);
});
