// The real binary as a child process: started on free ports with its own data folder, killed, restarted, asked by API.
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { freePort } from "./ports.mjs";
import { until } from "./until.mjs";

const ROOT = resolve(fileURLToPath(import.meta.url), "../../..");
export const BINARY = process.env.PLENUM_BIN ?? join(ROOT, "target/debug/plenum");

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;
/** How often a new server may find its port taken by somebody who was faster. */
const PORT_ATTEMPTS = 5;
/** How much of the log an error carries, in characters. */
const LOG_END = 4_000;

export class Server {
  #child;
  #exit;
  #log = [];
  #tokens = [];

  /** @param {{folder: string, host: string, reach: string, port: number, key: string, secret: string}} setup */
  constructor(setup) {
    this.setup = setup;
  }

  /**
   * A running server of its own.
   *
   * `config` is YAML appended to the credentials, for tests that change a setting; `pollEvery` is how often, in
   * milliseconds, to ask whether it answers yet; `port` is for servers whose address others must know before, `host` the
   * address to listen on, and `reach` the one browsers take, where that is another.
   */
  static async start({ config = "", pollEvery, port, host = "127.0.0.1", reach = host } = {}) {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: cargo build --package plenum`);
    const folder = await mkdtemp(join(tmpdir(), "plenum-test-"));
    const server = new Server({
      folder,
      host,
      reach: reach === "0.0.0.0" ? "127.0.0.1" : reach,
      port: port ?? (await freePort()),
      key: "test-key",
      secret: "a-secret-that-only-this-test-server-knows",
    });
    await mkdir(server.dataFolder);
    await writeFile(
      server.configFile,
      `client:\n  api_key: ${server.setup.key}\n  secret: ${server.setup.secret}\n${config}`,
      { mode: 0o600 },
    );
    for (let attempt = 1; ; attempt += 1) {
      try {
        await server.launch({ pollEvery });
        return server;
      } catch (error) {
        const taken = /in use/i.test(error.message) && attempt < PORT_ATTEMPTS;
        if (!taken) {
          await server.dispose();
          throw error;
        }
        server.setup.port = await freePort();
      }
    }
  }

  /** Where browsers find its pages. They trust this machine's own address without a certificate. */
  get origin() {
    return `http://${this.#at(this.setup.reach)}`;
  }

  /** Host and port as they are written; IPv6 addresses in brackets. */
  #at(host) {
    return `${host.includes(":") ? `[${host}]` : host}:${this.setup.port}`;
  }

  get dataFolder() {
    return join(this.setup.folder, "data");
  }

  get configFile() {
    return join(this.setup.folder, "config.yaml");
  }

  get pid() {
    return this.#child?.pid;
  }

  /** Every join token that was asked for here; none of them may turn up in the log. */
  get tokens() {
    return this.#tokens;
  }

  /** Everything the server wrote so far, over all its lives. */
  get log() {
    return this.#log.join("");
  }

  /** Starts the process and waits until it answers. The same call starts it again after a kill. */
  async launch({ pollEvery } = {}) {
    const args = ["serve", "--dev", "--config", this.configFile, "--data", this.dataFolder];
    args.push("--listen", this.#at(this.setup.host), "--media-port", String(this.setup.port));
    const child = spawn(BINARY, args, {
      cwd: this.setup.folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, RUST_BACKTRACE: "1" },
    });
    const keep = (chunk) => this.#log.push(chunk.toString());
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    this.#child = child;
    this.#exit = new Promise((done) =>
      child.once("exit", (code, signal) => done({ code, signal })),
    );
    let gone;
    this.#exit.then((exit) => (gone = exit));
    await until(
      "the server to answer /healthCheck",
      async () => {
        if (gone) return { gone };
        const answer = await fetch(`${this.origin}/healthCheck`);
        return answer.ok;
      },
      { timeout: START_TIMEOUT_MS, every: pollEvery },
    );
    if (gone) throw new Error(`the server ended at start: ${JSON.stringify(gone)}\n${this.log}`);
  }

  /** Throws, with the end of the log, when the process is gone or something in it panicked. */
  assertAlive() {
    const { exitCode, signalCode } = this.#child;
    const end = this.log.slice(-LOG_END);
    if (exitCode !== null || signalCode !== null) {
      throw new Error(`the server is gone (${signalCode ?? exitCode}):\n${end}`);
    }
    if (this.log.includes("panicked at")) throw new Error(`the server panicked:\n${end}`);
  }

  /** SIGTERM, and the exit it leads to. */
  async stop() {
    return this.#end("SIGTERM");
  }

  /** The power goes: no chance to write anything. */
  async kill() {
    return this.#end("SIGKILL");
  }

  async #end(signal) {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return this.#exit;
    child.kill(signal);
    const force = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    const exit = await this.#exit;
    clearTimeout(force);
    return exit;
  }

  /** Stops the server and removes its files. */
  async dispose() {
    await this.stop();
    await rm(this.setup.folder, { recursive: true, force: true });
  }

  /** A signed call of the server API; `body` is an object or the exact text to send. */
  async api(path, body, headers = {}) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const answer = await fetch(`${this.origin}/auth${path}`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "API-KEY": this.setup.key,
        "HASH-SIGNATURE": sign(this.setup.secret, text),
        ...headers,
      },
      body: text,
    });
    const isJson = answer.headers.get("content-type")?.startsWith("application/json") ?? false;
    return { status: answer.status, body: isJson ? await answer.json() : await answer.text() };
  }

  /** Makes sure the room is there. Nothing but the id differs from a plain meeting unless `features` says so. */
  async createRoom(room, { title = room, features = {}, metadata = {}, ...fields } = {}) {
    const { body } = await this.api("/room/create", {
      room_id: room,
      ...fields,
      metadata: {
        room_title: title,
        room_features: { ...PLAIN_FEATURES, ...features },
        ...metadata,
      },
    });
    if (!body.status) throw new Error(`could not create ${room}: ${JSON.stringify(body)}`);
    return body.room_info;
  }

  /** A join token for one person. */
  async token(room, { id, name, admin = false, ...user }) {
    const { body } = await this.api("/room/getJoinToken", {
      room_id: room,
      user_info: { user_id: id, name, is_admin: admin, ...user },
    });
    if (!body.status) throw new Error(`could not get a token for ${name}: ${JSON.stringify(body)}`);
    this.#tokens.push(body.token);
    return body.token;
  }
}

/** Lowercase hex of HMAC-SHA256 over the raw body, as every published SDK signs. */
export function sign(secret, text) {
  return createHmac("sha256", secret).update(text).digest("hex");
}

const PLAIN_FEATURES = {
  allow_webcams: true,
  mute_on_start: false,
  allow_screen_share: true,
  allow_rtmp: false,
  admin_only_webcams: false,
  allow_view_other_webcams: true,
  allow_view_other_users_list: true,
  allow_raise_hand: true,
  chat_features: { is_allow: true, is_allow_file_upload: false },
};
