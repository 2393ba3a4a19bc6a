// A member of a meeting made with the official NATS libraries, doing what the original browser client does.
import { jetstream } from "@nats-io/jetstream";
import { tokenAuthenticator, wsconnect } from "@nats-io/nats-core";
import WebSocket from "ws";

import { until } from "../../e2e/lib/until.mjs";
import { decode, encode, enumName, enumValue, fromStrictJson } from "./wire.mjs";

globalThis.WebSocket ??= WebSocket;

const EVENT_TIMEOUT_MS = 10_000;

/** `POST /api/verifyToken`, in protobuf. Never throws for a refusal: the answer says it. */
export async function verifyToken(origin, token) {
  const answer = await fetch(`${origin}/api/verifyToken`, {
    method: "POST",
    headers: { "Content-Type": "application/protobuf", Authorization: token },
    body: encode("VerifyTokenReq", { isProduction: true }),
  });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return { http: answer.status, ...decode(answer.ok ? "VerifyTokenRes" : "CommonResponse", bytes) };
}

/** The WebSocket connection alone, with the options of the original client. */
export function dial(url, token, options = {}) {
  return wsconnect({
    servers: [url],
    noEcho: true,
    name: "compat",
    authenticator: tokenAuthenticator(typeof token === "function" ? token : () => token),
    pingInterval: 10_000,
    maxPingOut: 2,
    ...options,
  });
}

export class Member {
  /** Every event so far: `{event, msg, bin, subject, redelivered, stream, sender, acked}` in order of arrival. */
  events = [];
  chat = [];
  data = [];
  /** Which events this client cannot handle: it says so, and the server sends them again. */
  refuses = () => false;
  #acking = true;

  /**
   * Verifies the token, connects and starts consuming.
   *
   * @param {{origin: string, token: string, wsFactory?: Function}} options
   */
  static async enter({ origin, token, wsFactory }) {
    const admission = await verifyToken(origin, token);
    if (!admission.status) throw new Error(`not admitted: ${admission.msg}`);
    const member = new Member();
    member.admission = admission;
    member.origin = origin;
    member.token = token;
    member.room = admission.roomId;
    member.id = admission.userId;
    member.nc = await dial(admission.natsWsUrls[0], () => member.token, { wsFactory });
    member.js = jetstream(member.nc, { timeout: 5_000 });
    const consumer = await member.js.consumers.get(
      admission.roomStreamName,
      `${member.room}_${member.id}`,
    );
    member.messages = await consumer.consume();
    member.#listen();
    return member;
  }

  get worker() {
    return `${this.admission.natsSubjects.systemJsWorker}.${this.room}.${this.id}`;
  }

  async #listen() {
    for await (const message of this.messages) {
      const { event, msg, binMsg } = decode("NatsMsgServerToClient", message.data);
      this.events.push({
        event: enumName("NatsMsgServerToClientEvents", event),
        msg,
        bin: binMsg,
        subject: message.subject,
        redelivered: message.redelivered,
        stream: message.info.streamSequence,
        sender: message.headers?.get("Pnm-From"),
        acked: this.#acking,
      });
      if (this.refuses(this.events.at(-1))) message.nak();
      else if (this.#acking) message.ack();
    }
  }

  /** From now on events are received but not acknowledged, as if the tab hung. */
  stopAcking() {
    this.#acking = false;
  }

  startAcking() {
    this.#acking = true;
  }

  /**
   * A call below `/api/`, with a body where there is a `type`. What the answer says, and its status as `http`; whether it is a
   * refusal is for the caller to look at.
   */
  async call(path, answer, type, fields = {}) {
    const response = await fetch(`${this.origin}/api/${path}`, {
      method: type ? "POST" : "GET",
      headers: { "Content-Type": "application/protobuf", Authorization: this.token },
      body: type && encode(type, fields),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { ...decode(answer, bytes), http: response.status };
  }

  /** Sends an event reliably and returns the acknowledgement of the server. */
  send(event, { msg = "", bin = new Uint8Array(), as } = {}) {
    const bytes = encode("NatsMsgClientToServer", {
      id: crypto.randomUUID(),
      event: enumValue("NatsMsgClientToServerEvents", event),
      msg,
      binMsg: bin,
    });
    return this.js.publish(as ?? this.worker, bytes);
  }

  /** The first event of that kind that fulfils `where`, from `after` on; waits for it. */
  async event(kind, { where = () => true, after = 0, timeout = EVENT_TIMEOUT_MS } = {}) {
    const found = () =>
      this.events.slice(after).find((event) => event.event === kind && where(event));
    return until(
      `${kind} at ${this.id}`,
      () => {
        const event = found();
        if (event) return event;
        throw new Error(`got ${this.events.map((entry) => entry.event).join(" ")}`);
      },
      { timeout },
    );
  }

  /** Asks and waits for the answer. */
  async ask(question, answer, options) {
    const after = this.events.length;
    await this.send(question, options);
    return this.event(answer, { after });
  }

  /** What the original client does after its preview screen: list of people, then the open subjects. */
  async goIn() {
    const list = await this.ask("REQ_JOINED_USERS_LIST", "RES_JOINED_USERS_LIST");
    const { chat, dataChannel } = this.admission.natsSubjects;
    this.#collect(`${chat}.${this.room}`, "ChatMessage", this.chat);
    this.#collect(`${dataChannel}.${this.room}`, "DataChannelMessage", this.data);
    await this.nc.flush();
    return JSON.parse(list.msg).map((user) =>
      fromStrictJson("NatsKvUserInfo", JSON.stringify(user)),
    );
  }

  #collect(subject, type, into) {
    const subscription = this.nc.subscribe(subject);
    (async () => {
      for await (const message of subscription) {
        into.push({ ...decode(type, message.data), sender: message.headers?.get("Pnm-From") });
      }
    })();
  }

  async say(text, fields = {}) {
    const message = {
      id: crypto.randomUUID(),
      fromName: this.id,
      fromUserId: this.id,
      sentAt: BigInt(Date.now()),
      isPrivate: false,
      message: text,
      ...fields,
    };
    this.nc.publish(
      `${this.admission.natsSubjects.chat}.${this.room}`,
      encode("ChatMessage", message),
    );
    await this.nc.flush();
    return message;
  }

  /** Asks somebody who was there for the history of the chat; the answer comes privately. */
  askHistory(donor) {
    return this.send("REQ_PRIVATE_DATA_DELIVERY", {
      msg: JSON.stringify({ toUserId: donor, type: "DATA_MSG" }),
      bin: encode("DataChannelMessage", {
        id: crypto.randomUUID(),
        type: enumValue("DataMsgBodyType", "REQ_PUBLIC_CHAT_DATA"),
        fromUserId: this.id,
        toUserId: donor,
      }),
    });
  }

  async leave() {
    await this.nc.close();
  }
}
