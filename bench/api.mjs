// Signed calls over kept-alive connections: per second, and how long one takes. Every `create` makes another room.
//
// Requests are built and signed before the clock starts, and sent on bare sockets, so that the generator costs little of
// the machine it shares with the server.
import net from "node:net";

import { printTable, quantile } from "./release.mjs";

const { Server, sign } = await import("../e2e/lib/server.mjs");

const CALLS = Number(process.env.CALLS ?? 5_000);
const TIMEOUT_MS = 60_000;

function request(server, path, body) {
  const text = JSON.stringify(body);
  return Buffer.from(
    `POST /auth${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAPI-KEY: ${server.setup.key}\r\n` +
      `HASH-SIGNATURE: ${sign(server.setup.secret, text)}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

/** Sends the requests one after the other over one connection and gives the milliseconds each took. */
function drive(port, requests) {
  return new Promise((done, fail) => {
    const socket = net.connect(port, "127.0.0.1");
    const took = [];
    let started = 0;
    let received = "";
    const next = () => {
      if (took.length === requests.length) {
        socket.end();
        done(took);
        return;
      }
      received = "";
      started = performance.now();
      socket.write(requests[took.length]);
    };
    socket.setNoDelay(true);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error("no answer")));
    socket.once("connect", next);
    socket.once("error", fail);
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      const head = received.indexOf("\r\n\r\n");
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1]);
      if (received.length < head + 4 + length) return;
      if (!received.includes('"status":true')) {
        socket.destroy(new Error(`refused: ${received.slice(head + 4, head + 300)}`));
        return;
      }
      took.push(performance.now() - started);
      next();
    });
  });
}

async function measure(server, connections, requests) {
  const shares = Array.from({ length: connections }, (_, at) =>
    requests.filter((_request, index) => index % connections === at),
  );
  const before = performance.now();
  const took = (await Promise.all(shares.map((share) => drive(server.setup.port, share)))).flat();
  const seconds = (performance.now() - before) / 1000;
  took.sort((a, b) => a - b);
  return [
    (took.length / seconds).toFixed(0),
    quantile(took, 0.5).toFixed(2),
    quantile(took, 0.99).toFixed(2),
  ];
}

const rows = [["call", "connections", "per second", "p50 ms", "p99 ms"]];
for (const connections of [1, 16, 64]) {
  const server = await Server.start();
  try {
    const features = { allow_webcams: true, chat_features: { is_allow: true } };
    const creates = Array.from({ length: CALLS }, (_, at) =>
      request(server, "/room/create", {
        room_id: `bench-${at}`,
        metadata: { room_title: "Benchmark", room_features: features },
      }),
    );
    rows.push(["create", connections, ...(await measure(server, connections, creates))]);
    const tokens = Array.from({ length: CALLS }, (_, at) =>
      request(server, "/room/getJoinToken", {
        room_id: "bench-0",
        user_info: { user_id: `user-${at}`, name: "Somebody" },
      }),
    );
    rows.push(["getJoinToken", connections, ...(await measure(server, connections, tokens))]);
  } finally {
    await server.dispose();
  }
}
console.log(`${CALLS} calls each`);
printTable(rows);
