/**
 * The line to the server over NATS on a WebSocket, with the official libraries. The only file that
 * knows them.
 */
import { jetstream, type ConsumerMessages, type JetStreamClient } from "@nats-io/jetstream";
import {
  tokenAuthenticator,
  wsconnect,
  type Msg,
  type NatsConnection,
  type WsSocketFactory,
} from "@nats-io/nats-core";
import { encodeClientEvent, type ClientEvent } from "../wire/encode";
import type { Admission } from "../wire/types";
import type { Link, LinkHandlers, LinkStatus } from "./link";
import { createStore, until } from "./store";

/** The server puts the true sender of a forwarded message here. */
const SENDER_HEADER = "Pnm-From";
const CONNECT_TIMEOUT_MS = 10_000;
const ACK_TIMEOUT_MS = 5_000;
const RETRY_DELAYS_MS = [500, 1_000];
const RECONNECT_WAIT_MS = 1_500;

/**
 * Remembers the socket in use. A network cut without a goodbye leaves a socket that never reports its
 * end while bytes wait in it; the library would wait with it, so we report the end ourselves.
 */
function rememberingSockets(): { factory: WsSocketFactory; drop: () => void } {
  let current: WebSocket | null = null;
  return {
    factory: (url) => {
      const socket = new WebSocket(url);
      current = socket;
      return Promise.resolve({ socket, encrypted: url.startsWith("wss:") });
    },
    drop() {
      const socket = current;
      current = null;
      if (!socket) return;
      const ended = socket.onclose;
      socket.onclose = null;
      socket.close();
      ended?.call(socket, new CloseEvent("close", { code: 1006, wasClean: false }));
    },
  };
}

export interface NatsLinkOptions {
  readonly admission: Admission;
  /** Asked again on every reconnect, so that a renewed token is used. */
  readonly token: () => string;
  readonly handlers: LinkHandlers;
}

export async function openNatsLink(options: NatsLinkOptions): Promise<Link> {
  const { admission, handlers } = options;
  const { roomId, me, subjects } = admission;
  const worker = `${subjects.jsWorker}.${roomId}.${me}`;
  const sockets = rememberingSockets();
  const nc = await wsconnect({
    servers: [...admission.natsUrls],
    authenticator: tokenAuthenticator(options.token),
    wsFactory: sockets.factory,
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: 500,
    pingInterval: 15_000,
    maxPingOut: 2,
    noEcho: true,
  });
  const status = createStore<LinkStatus>("open");
  void watchStatus(nc, status.set, sockets.drop);
  void nc.closed().then(() => status.set("closed"));

  const js = jetstream(nc, { timeout: ACK_TIMEOUT_MS });
  const consume = async () => {
    const consumer = await js.consumers.get(admission.stream, `${roomId}_${me}`);
    return consumer.consume({ max_messages: 100, expires: 30_000 });
  };
  let messages: ConsumerMessages;
  try {
    messages = await consume();
  } catch (error) {
    await nc.close();
    throw error;
  }
  const listening = async () => {
    for (;;) {
      await deliver(messages, handlers.onEvent);
      // The stream of events ended although nobody closed the line: begin a new one.
      if (nc.isClosed()) return;
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_WAIT_MS));
      messages = await consume();
    }
  };
  void listening().catch(() => nc.close());

  let queue: Promise<unknown> = Promise.resolve();
  const closing = new AbortController();
  const send = (event: ClientEvent): Promise<void> => {
    const bytes = encodeClientEvent(event);
    const sent = queue.then(() => publishReliably(js, worker, bytes, status, closing.signal));
    queue = sent.catch(() => undefined);
    return sent;
  };

  return {
    status,
    send,
    sendNow(event) {
      if (status.getSnapshot() !== "open") return;
      // A lost heartbeat shows as a missing answer; there is nothing to do about it here.
      js.publish(worker, encodeClientEvent(event)).catch(() => undefined);
    },
    roundTrip: () => nc.rtt(),
    async publishChat(bytes) {
      await until(status, (now) => now !== "down", closing.signal);
      nc.publish(`${subjects.chat}.${roomId}`, bytes);
      await nc.flush();
    },
    publishData(bytes) {
      if (status.getSnapshot() === "open") nc.publish(`${subjects.dataChannel}.${roomId}`, bytes);
    },
    openRoom() {
      listen(nc, `${subjects.chat}.${roomId}`, handlers.onChat);
      listen(nc, `${subjects.dataChannel}.${roomId}`, handlers.onData);
    },
    redial() {
      if (status.getSnapshot() === "closed") return;
      status.set("down");
      sockets.drop();
    },
    async close() {
      closing.abort(new Error("closed"));
      messages.stop();
      await nc.close();
    },
  };
}

async function watchStatus(
  nc: NatsConnection,
  set: (status: LinkStatus) => void,
  drop: () => void,
): Promise<void> {
  for await (const { type } of nc.status()) {
    if (type === "staleConnection") drop();
    if (type === "disconnect" || type === "reconnecting" || type === "staleConnection") set("down");
    else if (type === "reconnect") set("open");
    else if (type === "close") set("closed");
  }
}

/** Acknowledged whether or not it could be understood: asking for the same bytes again helps nobody. */
async function deliver(messages: ConsumerMessages, onEvent: (bytes: Uint8Array) => void) {
  for await (const message of messages) {
    message.ack();
    try {
      onEvent(message.data);
    } catch (error) {
      // A fault in handling one event must not stop the ones after it.
      reportError(error);
    }
  }
}

function listen(
  nc: NatsConnection,
  subject: string,
  handler: (bytes: Uint8Array, sender: string | null) => void,
): void {
  nc.subscribe(subject, {
    callback: (error: Error | null, message: Msg) => {
      if (error) return;
      handler(message.data, message.headers?.get(SENDER_HEADER) || null);
    },
  });
}

async function publishReliably(
  js: JetStreamClient,
  subject: string,
  bytes: Uint8Array,
  status: ReturnType<typeof createStore<LinkStatus>>,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    await until(status, (now) => now !== "down", signal);
    try {
      await js.publish(subject, bytes, { timeout: ACK_TIMEOUT_MS });
      return;
    } catch (error) {
      // A try that the network swallowed does not count; the next one waits for the line.
      if (status.getSnapshot() === "down") {
        attempt -= 1;
        continue;
      }
      const delay = RETRY_DELAYS_MS[attempt];
      if (delay === undefined || status.getSnapshot() === "closed") throw error;
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
}
