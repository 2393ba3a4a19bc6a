// The HTTP API under load: a fresh server, and `bench-load` with 1, 16 and 64 connections. Every `create` makes another
// room. `CORES=1` keeps the server on the first core, from its start on so that it counts one, and the generator on the
// second, or fails. `AUDIT=1` has every call written to an audit log in a file, `OPERATIONS` names some of `create token
// active`.
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import "./release.mjs";

const { Server } = await import("../e2e/lib/server.mjs");

const GENERATOR = resolve(fileURLToPath(import.meta.url), "../../target/release/bench-load");
const SECONDS = process.env.SECONDS ?? "5";

const OPERATIONS = (process.env.OPERATIONS ?? "create token active").split(" ");
/** Relative to where the server runs, which is removed with it. The limits of calls are on in any case. */
const CONFIG = process.env.AUDIT === "1" ? "plenum:\n  audit_log: ./audit.json\n" : "";
const PINNED = process.env.CORES === "1";
const SERVER_CORE = "0";
const GENERATOR_CORE = "1";

/** Runs a program to its end; anything but success is an end of the benchmark as well. */
function must(program, args, options) {
  const { error, status } = spawnSync(program, args, options);
  if (error) throw new Error(`${program} did not start: ${error.message}`);
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
}

if (PINNED) {
  if (availableParallelism() < 2) throw new Error("CORES=1 needs two cores");
  // Servers inherit it. One that had counted two cores would have two threads take turns on the one.
  must("taskset", ["--all-tasks", "--cpu-list", "--pid", SERVER_CORE, String(process.pid)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

for (const operation of OPERATIONS) {
  for (const connections of ["1", "16", "64"]) {
    const server = await Server.start({ config: CONFIG });
    try {
      const args = ["--server", `127.0.0.1:${server.setup.port}`, "--key", server.setup.key];
      args.push(
        "--secret",
        server.setup.secret,
        "--operation",
        operation,
        "--connections",
        connections,
      );
      const command = [GENERATOR, ...args, "--seconds", SECONDS];
      if (PINNED) command.unshift("taskset", "--cpu-list", GENERATOR_CORE);
      must(command[0], command.slice(1), { stdio: "inherit" });
    } finally {
      await server.dispose();
    }
  }
}
