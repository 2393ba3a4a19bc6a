// A meeting of three, each on a machine of their own; Cleo's line is bad in one way after the other.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchChromium } from "../lib/chromium.mjs";
import { keepEvidence } from "../lib/evidence.mjs";
import { untilHearing, untilSeeing, untilWay } from "../lib/media.mjs";
import { Person } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { pause } from "../lib/until.mjs";
import { Machine, prepare, SERVER, SERVER_SIX, SERVER_TOO } from "./lines.mjs";

const ARTIFACTS = resolve(fileURLToPath(import.meta.url), "../../artifacts");
const NAMES = ["Ana", "Ben", "Cleo"];

/** For everything that heals: browsers wait up to half a minute before they believe that a way is gone. */
const PATIENCE = { timeout: 60_000 };

const folder = mkdtempSync(join(tmpdir(), "plenum-network-"));
/** Two shards, so that a room may live on another than the one that holds TCP connections and the relay. */
const THREADS = "threads: 2";
/** Clients are sent where nothing is, so that only the relay reaches media; and of the relay only what has TLS. */
const ONLY_TLS = `plenum:
  tls: {certificate: ${join(folder, "certificate.pem")}, key: ${join(folder, "key.pem")}}
  media:
    ${THREADS}
    advertise: [${SERVER_TOO}]
    turn: {domain: ${SERVER}}
`;

let machines = [];
let server;
let behindTls;
let overSix;
let rooms = 0;

before(async () => {
  prepare();
  machines = await Promise.all(NAMES.map((_, at) => Machine.start(at + 1)));
  certificate();
  server = await Server.start({ host: SERVER, config: `plenum:\n  media: {${THREADS}}\n` });
  behindTls = await Server.start({ host: SERVER, config: ONLY_TLS });
  overSix = await Server.start({ host: SERVER_SIX });
});

after(async () => {
  await server?.dispose();
  await behindTls?.dispose();
  await overSix?.dispose();
  machines.forEach((machine) => machine.stop());
  rmSync(folder, { recursive: true, force: true });
});

function certificate() {
  const args = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${SERVER}`];
  const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "certificate.pem")];
  const names = ["-addext", `subjectAltName=IP:${SERVER}`];
  execFileSync("openssl", ["req", "-x509", ...args, ...names, ...files], { stdio: "ignore" });
}

/**
 * A meeting of the first so many people, with browsers of their own; `act` is given them, and Cleo is always the last.
 * `elsewhere`: somebody is alone in another room before, so that this one is made on the second shard, which has fewer people.
 */
function scene(name, count, act, { at = () => server, prepareLine, elsewhere = false } = {}) {
  test(name, { timeout: 120_000 }, async (context) => {
    const host = at();
    const used = machines.slice(machines.length - count);
    const cleo = used.at(-1);
    const browsers = [];
    const people = [];
    const room = `network-${++rooms}`;
    const come = async (machine, who, where, admin) => {
      const browser = await launchChromium({
        executable: machine.chromium,
        args: [
          `--unsafely-treat-insecure-origin-as-secure=${host.origin}`,
          "--ignore-certificate-errors",
        ],
      });
      browsers.push(browser);
      const person = await Person.open(browser, who, host.origin, { seat: 0 });
      const token = await host.token(where, { id: who.toLowerCase(), name: who, admin });
      await person.openLink(`${host.origin}/?access_token=${token}`);
      await person.enter();
      return person;
    };
    try {
      await host.createRoom(room);
      await prepareLine?.(cleo);
      if (elsewhere) {
        await host.createRoom(`${room}-before`);
        await come(machines[0], "Dora", `${room}-before`, true);
      }
      for (const [seat, machine] of used.entries())
        people.push(await come(machine, NAMES.at(seat - count), room, seat === 0));
      await act({
        people,
        cleo: people.at(-1),
        ana: people[0],
        machine: cleo,
        context,
        others: count - 1,
      });
      if (elsewhere) {
        const handed = await figure(host, "media_datagrams_handed_over_total");
        const streamed = await figure(host, "media_stream_packets_in_total");
        // Not all of them are media.
        const well = streamed > 0 && handed > streamed / 2;
        assert.ok(well, `${handed} handed over, ${streamed} came in streams`);
      }
      host.assertAlive();
    } catch (error) {
      await keepEvidence(ARTIFACTS, name, { error, log: host.log, pages: people });
      throw error;
    } finally {
      await Promise.allSettled(browsers.map((browser) => browser.close()));
      await cleo.line();
    }
  });
}

/** Everybody sees and hears everybody. */
async function meet(people) {
  for (const person of people) {
    await untilSeeing(person.page, people.length - 1, PATIENCE);
    await untilHearing(person.page, people.length - 1, PATIENCE);
  }
}

/** Freezes and lost packets of what a browser receives, and how many peer connections it has made so far. */
function figures(person) {
  return person.page.evaluate(async () => {
    const entries = [];
    for (const pc of window.__peerConnections) entries.push(...(await pc.getStats()).values());
    const incoming = entries.filter((entry) => entry.type === "inbound-rtp");
    const sum = (field) => incoming.reduce((total, entry) => total + (entry[field] ?? 0), 0);
    return {
      connections: window.__peerConnections.length,
      freezes: sum("freezeCount"),
      frozenSeconds: Math.round(sum("totalFreezesDuration") * 10) / 10,
      lost: sum("packetsLost"),
      concealed: sum("concealedSamples"),
    };
  });
}

/** A sum that the server keeps. */
async function figure(host, name) {
  const answer = await fetch(`${host.origin}/metrics`);
  const line = (await answer.text()).split("\n").find((text) => text.startsWith(`${name} `));
  return Number(line?.split(" ")[1] ?? 0);
}

/** Says what was measured; nothing is judged by it. */
async function note(context, what, cleo) {
  context.diagnostic(`${what}: ${JSON.stringify(await figures(cleo))}`);
}

scene(
  "five percent of everything is lost, and everybody is seen and heard",
  3,
  async ({ people, cleo, machine, context }) => {
    await meet(people);
    await machine.line({ loss: 0.05 });

    await meet(people);
    await note(context, "5 % loss", cleo);
  },
);

scene("a round trip takes 200 ms", 2, async ({ people, cleo, machine, context }) => {
  await machine.line({ delay: 100 });

  await meet(people);
  await note(context, "200 ms", cleo);
});

scene(
  "500 kbit/s carry two voices and small pictures",
  3,
  async ({ people, cleo, machine, context }) => {
    await meet(people);
    await machine.line({ rate: [500_000, 0] });

    await untilHearing(cleo.page, 2, PATIENCE);
    await untilSeeing(cleo.page, 1, PATIENCE);
    await meet(people.slice(0, -1));
    await note(context, "500 kbit/s down", cleo);
  },
);

scene(
  "a second without a network costs nobody their connection",
  2,
  async ({ people, cleo, machine, context }) => {
    await meet(people);
    const before = await figures(cleo);

    await machine.line({ loss: 1 });
    await pause(1_000);
    await machine.line();
    const mended = Date.now();

    await meet(people);
    const later = await figures(cleo);
    assert.equal(later.connections, before.connections, "no connection was made anew");
    await note(context, `one second cut, everything back within ${Date.now() - mended} ms`, cleo);
  },
);

scene(
  "a new address in the middle of a meeting",
  2,
  async ({ people, ana, cleo, machine, context }) => {
    await meet(people);
    await cleo.showChat();
    await ana.showChat();

    machine.changeAddress();
    const changed = Date.now();
    await ana.write("Where are you?");

    await cleo.reads("Where are you?", PATIENCE);
    context.diagnostic(`new address, chat back within ${Date.now() - changed} ms`);
    await meet(people);
    await note(context, `new address, everything back within ${Date.now() - changed} ms`, cleo);
  },
);

scene(
  "without UDP media goes over TCP, on the web server's port",
  2,
  async ({ people, cleo, context }) => {
    await meet(people);

    await untilWay(
      cleo.page,
      "TCP",
      (way) => way.protocol === "tcp" && way.type !== "relay",
      PATIENCE,
    );
    await note(context, "TCP", cleo);
  },
  { elsewhere: true, prepareLine: (machine) => machine.line({ udp: false }) },
);

scene(
  "UDP that is blocked in the middle of a meeting",
  2,
  async ({ people, cleo, machine, context }) => {
    await meet(people);
    await untilWay(
      cleo.page,
      "UDP",
      (way) => way.protocol === "udp" && way.type !== "relay",
      PATIENCE,
    );

    await machine.line({ udp: false });
    const blocked = Date.now();

    await untilWay(
      cleo.page,
      "TCP",
      (way) => way.protocol === "tcp" || way.relay === "tcp",
      PATIENCE,
    );
    await meet(people);
    await note(context, `UDP blocked, everything back within ${Date.now() - blocked} ms`, cleo);
  },
);

scene(
  "where nothing but TLS gets out, media goes through the relay",
  2,
  async ({ people, cleo, context }) => {
    await meet(people);

    await untilWay(
      cleo.page,
      "the relay, with TLS",
      (way) => way.type === "relay" && way.relay === "tls",
      PATIENCE,
    );
    await note(context, "TURN over TLS", cleo);
  },
  { at: () => behindTls, elsewhere: true },
);

scene(
  "over IPv6 alone media goes directly",
  2,
  async ({ people, cleo, context }) => {
    await meet(people);

    await untilWay(
      cleo.page,
      "UDP",
      (way) => way.protocol === "udp" && way.type !== "relay" && way.address === SERVER_SIX,
      PATIENCE,
    );
    await note(context, "IPv6", cleo);
  },
  { at: () => overSix },
);
