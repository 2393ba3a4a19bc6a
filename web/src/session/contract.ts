/** What a visit to a meeting is, seen from outside: where it stands, what it tells, and what can be asked of it. */
import type { ActivityEvent, DataMessage } from "../wire/decode";
import type { Outcome } from "../wire/encode";
import type { Admission, ParticipantId, RoomInfo } from "../wire/types";
import type { ChatStore, ConversationId, Entry } from "./chat";
import type { EndReason } from "./errors";
import type { Link, LinkHandlers } from "./link";
import type { Mailbox } from "./mailbox";
import type { DeviceChoice, LoadEngine, Media } from "./media";
import type { NoticeStore } from "./notices";
import type { PeopleStore } from "./people";
import type { Emoji, ReactionStore } from "./reactions";
import type { Readable } from "./store";

export type Phase =
  | { readonly at: "checking" | "connecting" | "receiving" }
  /** The green room: everything is known, nothing is sent yet. */
  | { readonly at: "ready" }
  /** Asked to join; a host has to say yes. */
  | { readonly at: "waiting" }
  | { readonly at: "entering" }
  | { readonly at: "meeting" }
  | { readonly at: "ended"; readonly reason: EndReason; readonly logoutUrl: string | null };

/** How the line to the server is doing, as one word for the header. */
export type LineState = "good" | "reconnecting" | "unresponsive";

/** How a device is brought along; the track is handed over open. */
export interface Bringing {
  readonly on: boolean;
  readonly track: MediaStreamTrack | null;
}

/** What to begin with. Asked when the meeting begins: people change their mind in the waiting room. */
export interface JoinChoice {
  microphone(): Bringing;
  camera(): Bringing;
}

export interface Lighter {
  /** Draws the background less often already. */
  taken(): boolean;
  take(): void;
}

export interface SessionDeps {
  readonly token: string;
  verify(token: string): Promise<Admission>;
  endRoom(token: string, roomId: string): Promise<Outcome>;
  /** One call of the server's own interface, below `/api/`. */
  ask(token: string, path: string, body: Uint8Array<ArrayBuffer> | null): Promise<Uint8Array>;
  openLink(admission: Admission, token: () => string, handlers: LinkHandlers): Promise<Link>;
  readonly loadEngine: LoadEngine;
  /** A newer token for the same visit, to be kept for a reload of the page. */
  onToken(token: string): void;
  /** The devices chosen at this moment. */
  devices(): DeviceChoice;
  /** What a device may be spared that hardly keeps up. */
  readonly lighter: Lighter;
  now(): number;
  /** Whether the server answers by another way than the line. */
  reachable(): Promise<boolean>;
}

/** News for what is loaded with the meeting. */
export type ActivityNews =
  | { readonly kind: "event"; readonly what: ActivityEvent; readonly text: string }
  | { readonly kind: "data"; readonly data: DataMessage; readonly privately: boolean };

export interface ServerRequest {
  /** Below `/api/`. */
  readonly path: string;
  /** Without one it is a question. */
  readonly body: Uint8Array<ArrayBuffer> | null;
}

export interface Session {
  readonly phase: Readable<Phase>;
  readonly line: Readable<LineState>;
  readonly room: Readable<RoomInfo | null>;
  readonly people: PeopleStore;
  readonly chat: ChatStore;
  readonly media: Media;
  readonly notices: NoticeStore;
  readonly reactions: ReactionStore;
  /** Who this is; known from the phase `ready` on. */
  me(): ParticipantId | null;
  /** Of the server, if it tells. */
  serverVersion(): string | null;
  /** Server time minus this machine's, in milliseconds. */
  clockOffset(): number;
  start(): void;
  join(choice: JoinChoice): void;
  /** `words` tell the hosts of other clients, in this person's language. */
  raiseHand(up: boolean, words: string): void;
  lowerHandOf(who: ParticipantId | "all"): void;
  react(emoji: Emoji): void;
  /** Milliseconds until the server has answered over the line of messages; rejects while there is none. */
  roundTrip(): Promise<number>;
  /** Asks the server for something with this person's rights; the answer as it came. */
  ask(request: ServerRequest): Promise<Uint8Array>;
  /** What proves to the server who this is, at this moment. */
  token(): string;
  /** What is about polls, breakout rooms, the player and changes in the chat. */
  readonly activities: Mailbox<ActivityNews>;
  publishData(bytes: Uint8Array): void;
  sendPrivately(to: ParticipantId, bytes: Uint8Array, echo: boolean): void;
  write(conversation: ConversationId, text: string, replyTo?: string): void;
  /** The same with what is HTML already, such as a link to a file. */
  writeHtml(conversation: ConversationId, html: string, replyTo?: string): void;
  resend(entry: Entry): void;
  leave(): void;
  endForAll(): Promise<Outcome>;
  /** Nobody looks at it any more: unless it has ended, this person has left, and what waits for its end hears so. */
  dispose(): void;
}
