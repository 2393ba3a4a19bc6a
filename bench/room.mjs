// One large room with the original client's protocol: how fast everybody learns that one more came, how fast chat reaches
// all, and what the room costs in memory. The server is on the first core and everybody else on the second. `PEOPLE`,
// `LINES` (a second), `GUESTS` and `SECONDS` are other numbers, `RUNS` is how often it is measured, each time with a fresh
// server.
import { spawnSync } from "node:child_process";
import { loadavg } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { printTable } from "./release.mjs";

const { Server } = await import("../e2e/lib/server.mjs");

const GENERATOR = resolve(fileURLToPath(import.meta.url), "../../target/release/bench-room");
const RUNS = Number(process.env.RUNS ?? "3");
const SERVER_CORE = "0";
const GENERATOR_CORE = "1";
const NUMBERS = { PEOPLE: "--people", LINES: "--lines", GUESTS: "--guests", SECONDS: "--seconds" };

/** Runs a program to its end; anything but success is an end of the benchmark as well. */
function must(program, args) {
  const { error, status, stdout } = spawnSync(program, args, {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (error) throw new Error(`${program} did not start: ${error.message}`);
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
  return stdout;
}

async function measure() {
  const server = await Server.start();
  try {
    must("taskset", ["--all-tasks", "--cpu-list", "--pid", SERVER_CORE, String(server.pid)]);
    const args = ["--server", `127.0.0.1:${server.setup.port}`, "--pid", String(server.pid)];
    args.push("--key", server.setup.key, "--secret", server.setup.secret);
    for (const [name, option] of Object.entries(NUMBERS)) {
      if (process.env[name]) args.push(option, process.env[name]);
    }
    const load = loadavg()[0].toFixed(1);
    const result = must("taskset", ["--cpu-list", GENERATOR_CORE, GENERATOR, ...args]);
    return { load, ...JSON.parse(result) };
  } finally {
    await server.dispose();
  }
}

const runs = [];
for (let run = 0; run < RUNS; run += 1) runs.push(await measure());

const ms = (value) => `${value.toFixed(1)} ms`;
const row = (what, tell) => [what, ...runs.map(tell)];
printTable([
  row(`${runs[0].people} people`, (_, run) => `run ${run + 1}`),
  row("load of the machine before", (run) => run.load),
  row("all come at once, until everybody knows everybody", (run) => `${run.gathered_ms} ms`),
  row("one comes, seen by another: p50", (run) => ms(run.joins.p50_ms)),
  row("p99", (run) => ms(run.joins.p99_ms)),
  row("slowest", (run) => ms(run.joins.max_ms)),
  row("work of the server for one who comes and goes", (run) => ms(run.join_busy_ms)),
  row("line of chat, until it reaches another: p50", (run) => ms(run.lines.p50_ms)),
  row("p99", (run) => ms(run.lines.p99_ms)),
  row("slowest", (run) => ms(run.lines.max_ms)),
  row(
    "work of the server while they chat, of one core",
    (run) => `${(run.chat_busy * 100).toFixed(0)} %`,
  ),
  row("memory of the room", (run) => `${run.memory_mib.toFixed(1)} MiB`),
]);
