// How long until a new server answers, how much memory it holds when nobody is there, and how large the binary is.
import { readFileSync, statSync } from "node:fs";

import { printTable, quantile } from "./release.mjs";

const { BINARY, Server } = await import("../e2e/lib/server.mjs");

const STARTS = 10;

const starts = [];
let idleMiB;
for (let run = 0; run < STARTS; run += 1) {
  const before = performance.now();
  const server = await Server.start({ pollEvery: 2 });
  starts.push(performance.now() - before);
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  idleMiB = Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024;
  await server.dispose();
}
starts.sort((a, b) => a - b);

printTable([
  ["What", "Measured"],
  [`cold start to first answer, median of ${STARTS}`, `${quantile(starts, 0.5).toFixed(0)} ms`],
  ["memory when idle (resident)", `${idleMiB.toFixed(1)} MiB`],
  ["binary size", `${(statSync(BINARY).size / 1024 / 1024).toFixed(1)} MiB`],
]);
