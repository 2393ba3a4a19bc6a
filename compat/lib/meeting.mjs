// One server per test file, one room per test, and everybody gone at the end.
import { randomUUID } from "node:crypto";
import { after, afterEach, before } from "node:test";

import { Server } from "../../e2e/lib/server.mjs";
import { Member } from "./member.mjs";
import { witness } from "./test.mjs";

/**
 * Starts a server before the tests of a file and stops it after them; a test that leaves it dead or hurt has failed.
 * `options` may be a function, for what is known only then.
 */
export function withServer(options) {
  const scene = new Scene();
  witness(() => ({ log: scene.server?.log }));
  before(async () => {
    scene.server = await Server.start(typeof options === "function" ? await options() : options);
  });
  afterEach(async () => {
    await scene.leaveAll();
    scene.server?.assertAlive();
  });
  after(async () => {
    await scene.server?.dispose();
  });
  return scene;
}

export class Scene {
  server;
  #members = [];

  /** A room of its own for one test. */
  async room(options) {
    const room = `room-${randomUUID().slice(0, 8)}`;
    await this.server.createRoom(room, options);
    return room;
  }

  token(room, id, options = {}) {
    return this.server.token(room, { id, name: id, ...options });
  }

  /** Someone connected and consuming, before the preview screen. */
  async member(room, id, { wsFactory, origin, ...options } = {}) {
    const token = await this.token(room, id, options);
    const member = await Member.enter({ origin: origin ?? this.server.origin, token, wsFactory });
    this.#members.push(member);
    return member;
  }

  /** Someone inside, with initial data and the list of people received. */
  async inside(room, id, options) {
    const member = await this.member(room, id, options);
    await member.ask("REQ_INITIAL_DATA", "RES_INITIAL_DATA");
    member.people = await member.goIn();
    return member;
  }

  async leaveAll() {
    await Promise.allSettled(this.#members.map((member) => member.leave()));
    this.#members = [];
  }
}
