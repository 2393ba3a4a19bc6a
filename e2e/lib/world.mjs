// A server and the people in browsers around it, with everything that is worth keeping when something goes wrong.
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { launchChromium } from "./chromium.mjs";
import { keepEvidence } from "./evidence.mjs";
import { Person } from "./person.mjs";
import { MediaCutter, WireCutter } from "./wire-cutter.mjs";

const ARTIFACTS = resolve(fileURLToPath(import.meta.url), "../../artifacts");

let browser;

async function sharedBrowser() {
  browser ??= await launchChromium();
  return browser;
}

/** Ends the browser all worlds of this process share. */
export async function closeBrowser() {
  await browser?.close();
  browser = undefined;
}

export class World {
  people = [];
  cutter;
  mediaCutter;

  /** What the page may complain about: a cut network is loud by nature. */
  allowedProblems = [];

  constructor(server) {
    this.server = server;
  }

  /** Where browsers go: the server, or the relay whose cable can be pulled. */
  get origin() {
    return this.cutter?.origin ?? this.server.origin;
  }

  /** Puts a relay in front of the server; call it before anyone opens a page. */
  async withCutter() {
    this.cutter = await WireCutter.before(this.server.setup.port);
    return this.cutter;
  }

  /** The same for sound and picture; needs a server that is started with `MEDIA_BEHIND_RELAY`. */
  async withMediaCutter() {
    this.mediaCutter = await MediaCutter.before(this.server.setup.port);
    return this.mediaCutter;
  }

  /** A browser that has opened nothing yet: Chromium, or another that runs. */
  async open(name, { browser: other, ...options } = {}) {
    const person = await Person.open(other ?? (await sharedBrowser()), name, this.origin, {
      seat: this.people.length,
      ...options,
    });
    this.people.push(person);
    return person;
  }

  /** The link the embedding application would hand to this person. Creates the room if it is not there. */
  async link(name, { room = "meeting", admin = false, id = name.toLowerCase() } = {}) {
    const { body } = await this.server.api("/room/isRoomActive", { room_id: room });
    if (!body.is_active) await this.server.createRoom(room);
    const token = await this.server.token(room, { id, name, admin });
    return `${this.origin}/?access_token=${token}`;
  }

  /** Someone new in the meeting, the whole way through the green room. */
  async join(name, { room, admin, id, devices, ...options } = {}) {
    const person = await this.open(name, options);
    await person.openLink(await this.link(name, { room, admin, id }));
    await person.enter({ devices });
    return person;
  }

  /** No console error, and nothing that left the origin. */
  checkManners() {
    for (const person of this.people) {
      assert.deepEqual(person.strayed, [], `${person.name}'s browser asked other origins`);
      const problems = person.problems.filter(
        (text) => !this.allowedProblems.some((allowed) => allowed.test(text)),
      );
      assert.deepEqual(problems, [], `${person.name}'s console has errors`);
    }
    assert.doesNotMatch(this.server.log, /panicked at/, "the server panicked");
    this.#checkPrivacy();
  }

  /** Nothing personal and nothing secret in the log, at the level operators run with. */
  #checkPrivacy() {
    const { log, tokens, setup } = this.server;
    for (const token of tokens) assert.ok(!log.includes(token), "a join token is in the log");
    assert.ok(!log.includes(setup.secret), "the secret is in the log");
    for (const person of this.people) {
      assert.doesNotMatch(log, new RegExp(`\\b${person.name}\\b`), "a name is in the log");
      for (const line of person.written) assert.ok(!log.includes(line), "chat is in the log");
    }
  }

  keepEvidence(name, error) {
    return keepEvidence(ARTIFACTS, name, { error, log: this.server.log, pages: this.people });
  }

  /** Everybody's browser is closed; the server goes on. */
  async sendHome() {
    await Promise.allSettled(this.people.map((person) => person.context.close()));
    this.people = [];
  }

  async dispose() {
    await this.sendHome();
    await this.cutter?.dispose();
    await this.mediaCutter?.dispose();
    await this.server.dispose();
  }
}
