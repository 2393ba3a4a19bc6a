// Ten thousand rooms at once: how long the list of all of them takes and how much memory the server holds. `CORES=1` starts
// the server on the first core, or fails; `ROOMS` is another number.
import { readFileSync } from "node:fs";

import { printTable, quantile, startOnItsCore } from "./release.mjs";

const { Server, sign } = await import("../e2e/lib/server.mjs");

const ROOMS = Number(process.env.ROOMS ?? "10000");
const CONNECTIONS = 32;
const LISTS = 5;

const residentMiB = (server) => {
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  const of = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024;
  return { now: of("VmRSS"), most: of("VmHWM") };
};

/** The answer as it came, without the work of reading it. */
async function list(server) {
  const answer = await fetch(`${server.origin}/auth/room/getActiveRoomsInfo`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "API-KEY": server.setup.key,
      "HASH-SIGNATURE": sign(server.setup.secret, "{}"),
    },
    body: "{}",
  });
  return answer.arrayBuffer();
}

const server = await startOnItsCore(() => Server.start());
try {
  let next = 0;
  const create = async () => {
    for (let n = next++; n < ROOMS; n = next++) {
      const metadata = { room_title: `Room ${n}`, room_features: { allow_webcams: true } };
      const { body } = await server.api("/room/create", { room_id: `room-${n}`, metadata });
      if (!body.status) throw new Error(body.msg);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, create));
  const made = residentMiB(server);

  const times = [];
  let length;
  for (let turn = 0; turn < LISTS; turn += 1) {
    const begin = performance.now();
    const answer = await list(server);
    times.push(performance.now() - begin);
    length = answer.byteLength;
    if (JSON.parse(Buffer.from(answer)).rooms.length !== ROOMS)
      throw new Error("rooms are missing");
  }
  times.sort((a, b) => a - b);
  const listed = residentMiB(server);

  printTable([
    ["What", "Measured"],
    [`memory with ${ROOMS} rooms (resident)`, `${made.now.toFixed(0)} MiB`],
    [
      `list of all rooms, median of ${LISTS} (${(length / 2 ** 20).toFixed(1)} MiB)`,
      `${quantile(times, 0.5).toFixed(0)} ms`,
    ],
    ["fastest list", `${times[0].toFixed(0)} ms`],
    ["memory after the lists (resident)", `${listed.now.toFixed(0)} MiB`],
    ["most memory ever (resident)", `${listed.most.toFixed(0)} MiB`],
  ]);
} finally {
  await server.dispose();
}
