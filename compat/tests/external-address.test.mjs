// The address in front of a NAT, as STUN servers tell it; a second Plenum is one of them.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";

import { AccessToken } from "livekit-server-sdk";

import { Server } from "../../e2e/lib/server.mjs";
import { RawSocket } from "../lib/raw.mjs";
import test from "../lib/test.mjs";

/** What the server under test is told of itself; nobody is there. */
const NAMED = "192.0.2.7";

/** A server that asks those for its address. */
const asking = (servers) =>
  Server.start({
    config: [
      "plenum:",
      "  media:",
      `    advertise: [${NAMED}]`,
      "    use_external_ip: true",
      `    stun_servers: ["${servers.join('", "')}"]`,
      "",
    ].join("\n"),
  });

/** The addresses of the candidates that somebody who joins is told. */
async function candidates(server) {
  const token = new AccessToken(server.setup.key, server.setup.secret, { identity: "ann" });
  token.addGrant({ roomJoin: true, room: "free" });
  const url = `${server.origin.replace("http", "ws")}/rtc?access_token=${await token.toJwt()}`;
  const socket = await RawSocket.open(url);
  try {
    const offer = await socket.hears(/a=candidate:/);
    const found = offer.matchAll(/a=candidate:\S+ 1 udp \d+ (\S+) \d+ typ host/gi);
    return [...new Set(Array.from(found, ([, address]) => address))].sort();
  } finally {
    socket.drop();
  }
}

test("clients are told the address that a STUN server sees, and those that are configured", async () => {
  const stun = await Server.start();
  const server = await asking([`127.0.0.1:${stun.setup.port}`]);
  try {
    assert.deepEqual(await candidates(server), ["127.0.0.1", NAMED]);
    assert.match(server.log, /this is how others see us/);
    server.assertAlive();
  } finally {
    await Promise.all([server.dispose(), stun.dispose()]);
  }
});

test("a server whom no STUN server answers says so, and runs", async () => {
  const silent = createSocket("udp4");
  await new Promise((done) => silent.bind(0, "127.0.0.1", done));
  const server = await asking([`127.0.0.1:${silent.address().port}`, "no-such-host.invalid:3478"]);
  try {
    assert.deepEqual(await candidates(server), [NAMED]);
    assert.match(server.log, /no STUN server told us our address/);
    server.assertAlive();
  } finally {
    silent.close();
    await server.dispose();
  }
});
