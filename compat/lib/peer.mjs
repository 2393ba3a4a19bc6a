// The Python SDK as a child process that tells what it sees, one JSON object per line.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { until } from "../../e2e/lib/until.mjs";
import { PEER, PYTHON } from "./paths.mjs";

export class PythonPeer {
  events = [];
  #errors = "";
  #child;
  #exit;

  constructor(url, token, ...flags) {
    this.#child = spawn(PYTHON, [PEER, url, token, ...flags], { stdio: ["pipe", "pipe", "pipe"] });
    this.#exit = new Promise((done) => this.#child.once("exit", done));
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      if (line.startsWith("{")) this.events.push(JSON.parse(line));
    });
    this.#child.stderr.on("data", (chunk) => (this.#errors += chunk));
  }

  async event(name, where = () => true, { timeout = 20_000 } = {}) {
    return until(
      `"${name}" from the Python peer`,
      () => {
        const found = this.events.findLast((event) => event.event === name && where(event));
        if (found) return found;
        throw new Error(
          `last: ${JSON.stringify(this.events.slice(-3))} ${this.#errors.slice(-2_000)}`,
        );
      },
      { timeout },
    );
  }

  /** Waits until it received at least `frames` of a kind from someone, not silent and not empty. */
  async receives(kind, identity, { frames = 10 } = {}) {
    const good = (track) =>
      track.kind === kind &&
      track.identity === identity &&
      track.frames >= frames &&
      (kind === "audio" ? track.loudest > 100 : track.width > 0);
    return this.event("received", (event) => event.tracks.some(good), { timeout: 30_000 });
  }

  say(command) {
    this.#child.stdin.write(`${command}\n`);
  }

  async leave() {
    if (this.#child.exitCode !== null) return this.#exit;
    this.say("leave");
    const force = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    const code = await this.#exit;
    clearTimeout(force);
    return code;
  }
}
