// Machines of their own for browsers, each behind a line that can be made bad. Everything happens inside the network namespace
// this process runs in, which is its own (see `network.test.mjs`), and is gone with it.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const LINE = fileURLToPath(new URL("line.py", import.meta.url));
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** A line as good as any. */
const GOOD = { loss: 0, delay: 5, rate: 0, udp: true };

/** Where the server is for everybody. */
export const SERVER = "10.231.0.1";

/** Another address of the server's. */
export const SERVER_TOO = "10.231.0.2";

/** The same server in the other family. */
export const SERVER_SIX = "fd00:231::1";

const ip = (...args) => execFileSync("ip", args, { stdio: ["ignore", "pipe", "inherit"] });

/** Makes the server's addresses. Call it once, before anything else. */
export function prepare() {
  ip("link", "set", "lo", "up");
  for (const address of [SERVER, SERVER_TOO]) ip("addr", "add", `${address}/32`, "dev", "lo");
  ip("addr", "add", `${SERVER_SIX}/128`, "dev", "lo", "nodad");
}

export class Machine {
  #folder = mkdtempSync(join(tmpdir(), "plenum-machine-"));
  #address;
  #line;
  #answers;

  /** @param {number} number from 1; its network is 10.231.`number`.0 */
  static async start(number) {
    const machine = new Machine();
    machine.number = number;
    machine.name = `machine${number}`;
    machine.#address = `10.231.${number}.2`;
    ip("netns", "add", machine.name);
    machine.ip("link", "set", "lo", "up");
    const args = [
      machine.name,
      `line${number}`,
      `10.231.${number}.1/24`,
      "line0",
      `${machine.#address}/24`,
    ];
    machine.#line = spawn("python3", [LINE, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    machine.#answers = createInterface({ input: machine.#line.stdout })[Symbol.asyncIterator]();
    await machine.#answered();
    machine.ip("route", "add", "default", "via", `10.231.${number}.1`);
    const six = `fd00:231:${number}::`;
    ip("addr", "add", `${six}1/64`, "dev", `line${number}`, "nodad");
    machine.ip("addr", "add", `${six}2/64`, "dev", "line0", "nodad");
    machine.ip("-6", "route", "add", "default", "via", `${six}1`);
    await machine.line(GOOD);
    return machine;
  }

  /** `ip` on that machine. */
  ip(...args) {
    return ip("-n", this.name, ...args);
  }

  /** What the line is like from now on; see `line.py`. What is not said is good. */
  async line(wish = {}) {
    this.#line.stdin.write(`${JSON.stringify({ ...GOOD, ...wish })}\n`);
    await this.#answered();
  }

  async #answered() {
    const { value, done } = await this.#answers.next();
    if (done || value !== "ok") throw new Error(`the line of ${this.name} broke: ${value}`);
  }

  /** The addresses (IPv4) that the machine has on its line, as its kernel says. */
  addresses() {
    const said = this.ip("-json", "-4", "addr", "show", "dev", "line0");
    return JSON.parse(said).flatMap((device) => device.addr_info.map(({ local }) => local));
  }

  /** Another address, as after a change of networks: the old one is gone. */
  changeAddress() {
    const last = Number(this.#address.split(".").at(-1));
    const fresh = `10.231.${this.number}.${last + 1}`;
    // In this order: a second address of a network goes with the first, and the routes go too.
    this.ip("addr", "del", `${this.#address}/24`, "dev", "line0");
    this.#address = fresh;
    this.ip("addr", "add", `${fresh}/24`, "dev", "line0");
    this.ip("route", "add", "default", "via", `10.231.${this.number}.1`);
  }

  /** A program that starts Chromium on that machine. */
  get chromium() {
    const script = join(this.#folder, "chromium");
    writeFileSync(script, `#!/bin/sh\nexec ip netns exec ${this.name} ${CHROMIUM} "$@"\n`, {
      mode: 0o700,
    });
    return script;
  }

  stop() {
    this.#line.stdin.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
