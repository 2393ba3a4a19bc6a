// The HTTP API under load: a fresh server, and `bench-load` with 1, 16 and 64 connections. Every `create` makes another
// room. `CORES=1` keeps the server on one core and the generator on the other.
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import "./release.mjs";

const { Server } = await import("../e2e/lib/server.mjs");

const GENERATOR = resolve(fileURLToPath(import.meta.url), "../../target/release/bench-load");
const SECONDS = process.env.SECONDS ?? "5";

for (const operation of ["create", "token", "active"]) {
  for (const connections of ["1", "16", "64"]) {
    const server = await Server.start();
    try {
      if (process.env.CORES === "1") {
        spawnSync("taskset", ["--all-tasks", "--cpu-list", "--pid", "0", String(server.pid)]);
      }
      const args = ["--server", `127.0.0.1:${server.setup.port}`, "--key", server.setup.key];
      args.push(
        "--secret",
        server.setup.secret,
        "--operation",
        operation,
        "--connections",
        connections,
      );
      spawnSync(GENERATOR, [...args, "--seconds", SECONDS], { stdio: "inherit" });
    } finally {
      await server.dispose();
    }
  }
}
