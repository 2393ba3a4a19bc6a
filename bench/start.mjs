// How long until a new server answers, how much memory it holds when it is new and when everybody has gone home, and how
// large the binary is.
import { readFileSync, statSync } from "node:fs";

import { printTable, quantile } from "./release.mjs";

const { until } = await import("../e2e/lib/until.mjs");
const { BINARY, Server } = await import("../e2e/lib/server.mjs");
const { untilHearing, untilSeeing } = await import("../e2e/lib/media.mjs");
const { closeBrowser, World } = await import("../e2e/lib/world.mjs");

const STARTS = 10;
const PAGE_LOADS = 20;

const residentMiB = (server) => {
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024;
};

const starts = [];
let newMiB;
for (let run = 0; run < STARTS; run += 1) {
  const before = performance.now();
  const server = await Server.start({ pollEvery: 2 });
  starts.push(performance.now() - before);
  newMiB = residentMiB(server);
  await server.dispose();
}
starts.sort((a, b) => a - b);

/** What a server holds after people loaded the page and two of them held a meeting, once that is over. */
async function afterAMeeting() {
  const world = new World(await Server.start());
  try {
    for (let load = 0; load < PAGE_LOADS; load += 1) await loadPage(world.origin);
    const ana = await world.join("Ana", { admin: true });
    const ben = await world.join("Ben");
    await untilSeeing(ana.page, 1);
    await untilHearing(ben.page, 1);
    await ana.write("hello");
    await ben.reads("hello");
    await ana.endForEveryone();
    await until("the meeting to be over", async () => {
      const { body } = await world.server.api("/room/isRoomActive", { room_id: "meeting" });
      return body.is_active === false;
    });
    await Promise.all(world.people.map((person) => person.context.close()));
    return residentMiB(world.server);
  } finally {
    await world.dispose();
    await closeBrowser();
  }
}

/** The page and everything it names, packed as a browser asks for it. */
async function loadPage(origin) {
  const get = async (path) =>
    (await fetch(new URL(path, origin), { headers: { "Accept-Encoding": "gzip" } })).text();
  const page = await get("/");
  for (const [, path] of page.matchAll(/(?:src|href)="(\/[^"]+)"/g)) await get(path);
}

const idleMiB = await afterAMeeting();

printTable([
  ["What", "Measured"],
  [`cold start to first answer, median of ${STARTS}`, `${quantile(starts, 0.5).toFixed(0)} ms`],
  ["memory of a new server (resident)", `${newMiB.toFixed(1)} MiB`],
  [
    `memory when idle again, after ${PAGE_LOADS} page loads and a meeting of two (resident)`,
    `${idleMiB.toFixed(1)} MiB`,
  ],
  ["binary size", `${(statSync(BINARY).size / 1024 / 1024).toFixed(1)} MiB`],
]);
