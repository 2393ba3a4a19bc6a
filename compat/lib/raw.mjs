// WebSockets without a library's manners: what is sent is sent, and how it ends is remembered.
import { createHmac } from "node:crypto";

import WebSocket from "ws";

import { pause, until } from "../../e2e/lib/until.mjs";

const END_TIMEOUT_MS = 15_000;

/** The answer to a WebSocket request: `{status}`, 101 with the open `socket`. `heard` gets every message as a text. */
export function knock(url, headers = {}, heard = []) {
  return new Promise((done, fail) => {
    const socket = new WebSocket(url, { headers });
    // From the start: the first messages may come with the answer, before whoever waits for it goes on.
    socket.on("message", (bytes) => heard.push(bytes.toString()));
    socket.once("open", () => done({ status: 101, socket }));
    socket.once("unexpected-response", (request, answer) => {
      answer.resume();
      answer.once("end", () => done({ status: answer.statusCode }));
      request.once("error", () => {});
    });
    socket.once("error", fail);
  });
}

/** A socket that must open. */
export class RawSocket {
  /** Everything that was received, each message as a text. */
  heard;
  #socket;
  #end;

  static async open(url, headers) {
    const heard = [];
    const { status, socket } = await knock(url, headers, heard);
    if (status !== 101) throw new Error(`${url.split("?")[0]} answered ${status}`);
    return new RawSocket(socket, heard);
  }

  constructor(socket, heard) {
    this.#socket = socket;
    this.heard = heard;
    socket.on("error", () => {});
    this.#end = new Promise((done) => socket.once("close", (code) => done(code)));
  }

  send(message) {
    this.#socket.send(message, () => {});
  }

  /** Waits for a message. */
  hears(pattern) {
    return until(`${pattern} on the socket`, () => {
      const found = this.heard.find((message) => pattern.test(message));
      if (found) return found;
      throw new Error(this.heard.slice(-3).join("; ").slice(0, 500));
    });
  }

  /** The close code of a connection that the server ends. */
  async ended() {
    const late = pause(END_TIMEOUT_MS).then(() => {
      throw new Error(`the socket is still open after ${END_TIMEOUT_MS} ms`);
    });
    return Promise.race([this.#end, late]);
  }

  drop() {
    this.#socket.terminate();
  }
}

/** The claims of a token. */
export function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
}

/** A token like the given one, with other claims, signed with `secret`. */
export function forge(token, changes, secret) {
  const [head] = token.split(".");
  const payload = Buffer.from(JSON.stringify({ ...claims(token), ...changes })).toString(
    "base64url",
  );
  const signature = createHmac("sha256", secret).update(`${head}.${payload}`).digest("base64url");
  return `${head}.${payload}.${signature}`;
}
