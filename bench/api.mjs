// The HTTP API under load: a fresh server, and `bench-load` with 1, 16 and 64 connections. Every `create` makes another
// room. `CORES=1` keeps the server on the first core, from its start on so that it counts one, and the generator on the
// second, or fails. `AUDIT=1` has every call written to an audit log in a file, `OPERATIONS` names some of `create token
// active`.
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { must, startOnItsCore } from "./release.mjs";

const { Server } = await import("../e2e/lib/server.mjs");

const GENERATOR = resolve(fileURLToPath(import.meta.url), "../../target/release/bench-load");
const SECONDS = process.env.SECONDS ?? "5";

const OPERATIONS = (process.env.OPERATIONS ?? "create token active").split(" ");
/** Relative to where the server runs, which is removed with it. The limits of calls are on in any case. */
const CONFIG = process.env.AUDIT === "1" ? "plenum:\n  audit_log: ./audit.json\n" : "";
for (const operation of OPERATIONS) {
  for (const connections of ["1", "16", "64"]) {
    const server = await startOnItsCore(() => Server.start({ config: CONFIG }));
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
      must(GENERATOR, [...args, "--seconds", SECONDS], { stdio: "inherit" });
    } finally {
      await server.dispose();
    }
  }
}
