/**
 * The line to the server, as the session sees it. `nats-link.ts` is the real one; tests own a fake.
 *
 * Reliable events wait while the line is down and go out in order when it is back.
 */
import type { ClientEvent } from "../wire/encode";
import type { Readable } from "./store";

export type LinkStatus = "open" | "down" | "closed";

export interface LinkHandlers {
  onEvent(bytes: Uint8Array): void;
  onChat(bytes: Uint8Array, verifiedSender: string | null): void;
  onData(bytes: Uint8Array, verifiedSender: string | null): void;
}

export interface Link {
  readonly status: Readable<LinkStatus>;
  /** Reliable: resolves when the server has taken it, rejects after three tries. */
  send(event: ClientEvent): Promise<void>;
  /** Milliseconds until the server has answered; rejects while the line is down. */
  roundTrip(): Promise<number>;
  /** Sent now or not at all; for the heartbeat, which is worthless late. */
  sendNow(event: ClientEvent): void;
  /** Resolves when the server has surely received it. */
  publishChat(bytes: Uint8Array): Promise<void>;
  /** To everybody in the room, now or not at all: what is only worth something at this moment. */
  publishData(bytes: Uint8Array): void;
  /** Starts listening to the room's own subjects, once admitted. */
  openRoom(): void;
  /** The line looks dead although nobody closed it: drop it and dial again. */
  redial(): void;
  close(): Promise<void>;
}
