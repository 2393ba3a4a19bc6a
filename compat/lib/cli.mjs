// The program as an operator runs it: in a folder of its own, with nothing in the environment.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import { freePort } from "../../e2e/lib/ports.mjs";
import { BINARY } from "../../e2e/lib/server.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { witness } from "./test.mjs";

const END_TIMEOUT_MS = 30_000;

/** A folder for one test and the programs started in it; all gone at the end of the file. */
export class Desk {
  #programs = [];

  static async make() {
    const desk = new Desk();
    desk.folder = await mkdtemp(join(tmpdir(), "plenum-cli-"));
    witness(() => ({
      log: desk.#programs.map((program) => program.output + program.errors).join(""),
    }));
    after(() => desk.clear());
    return desk;
  }

  /** Starts `plenum ARGS`. */
  run(...args) {
    const program = new Program(this.folder, args);
    this.#programs.push(program);
    return program;
  }

  /** Starts `plenum serve ARGS` on ports of its own and waits until it answers. */
  async serve(...args) {
    const port = this.port ?? (await freePort());
    this.port = port;
    const ports = ["--listen", `127.0.0.1:${port}`, "--media-port", String(port)];
    const server = this.run("serve", ...ports, ...args);
    server.origin = `http://127.0.0.1:${port}`;
    await until("the server to answer", async () => {
      if (server.exit) return true;
      return (await fetch(`${server.origin}/healthCheck`)).ok;
    });
    if (server.exit) throw new Error(`the server ended: ${server.output}${server.errors}`);
    return server;
  }

  async clear() {
    for (const program of this.#programs) program.signal("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }
}

class Program {
  output = "";
  errors = "";
  /** `{code, signal}` once it has ended. */
  exit;
  #child;
  #ended;

  constructor(cwd, args) {
    const { PATH } = process.env;
    this.#child = spawn(BINARY, args, { cwd, env: { PATH }, stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stdout.on("data", (chunk) => (this.output += chunk));
    this.#child.stderr.on("data", (chunk) => (this.errors += chunk));
    this.#ended = new Promise((done) =>
      this.#child.once("close", (code, signal) => {
        this.exit = { code, signal };
        done(this.exit);
      }),
    );
  }

  signal(name) {
    if (!this.exit) this.#child.kill(name);
  }

  /** Its exit code, once it has ended by itself. */
  async code() {
    let timer;
    const late = new Promise((_, fail) => {
      timer = setTimeout(() => fail(new Error("the program does not end")), END_TIMEOUT_MS);
    });
    const { code } = await Promise.race([this.#ended, late]);
    clearTimeout(timer);
    return code;
  }

  /** SIGTERM, and the exit code it leads to. */
  stop() {
    this.signal("SIGTERM");
    return this.code();
  }

  get pid() {
    return this.#child.pid;
  }

  /** Lines of the log at `warn` and above. */
  get complaints() {
    return this.output.split("\n").filter((line) => /"level":"(WARN|ERROR)"/.test(line));
  }
}
