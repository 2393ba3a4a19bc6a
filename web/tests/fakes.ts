/**
 * A server and a media engine made of plain values, for tests: it speaks the real bytes, so that a test
 * of the session is also one of the codec.
 */
import {
  create,
  fromBinary,
  toBinary,
  toJsonString,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  CommonResponseSchema,
  NatsKvUserInfoSchema,
  type NatsKvUserInfo,
} from "../src/wire/gen/plugnmeet/common_pb";
import {
  ChatMessageSchema,
  DataChannelMessageSchema,
  DataMsgBodyType,
  NatsMsgServerToClientEvents as Event,
  NatsMsgServerToClientSchema,
  PrivateDataDeliveryType,
  type ChatMessage,
  type DataChannelMessage,
} from "../src/wire/gen/plugnmeet/messaging_pb";
import { LockSettingsSchema, UserMetadataSchema } from "../src/wire/gen/plugnmeet/room_pb";
import type { ClientEvent } from "../src/wire/encode";
import { participantId, type Admission, type ParticipantId } from "../src/wire/types";
import type { Link, LinkHandlers, LinkStatus } from "../src/session/link";
import {
  NO_MEDIA,
  type EngineHandlers,
  type MediaEngine,
  type PersonMedia,
} from "../src/session/media";
import { createSession, type Session, type SessionDeps } from "../src/session/session";
import { createStore } from "../src/session/store";

export type ChatExtra = Pick<Partial<ChatMessage>, "isPrivate" | "sentAt"> & {
  readonly toUserId?: string;
};

export interface FakePerson {
  readonly id: string;
  readonly name: string;
  readonly admin?: boolean;
  readonly presenter?: boolean;
  readonly waiting?: boolean;
  readonly extra?: Readonly<Record<string, string>>;
  readonly hand?: number;
  readonly joinedAt?: number;
  readonly locks?: Readonly<Record<string, boolean>>;
  readonly language?: string;
}

export const ADMISSION: Admission = {
  natsUrls: ["ws://localhost/nats"],
  roomId: "room01",
  me: participantId("ana"),
  stream: "pnm-room-stream",
  subjects: {
    jsWorker: "sysJsWorker",
    systemPublic: "sysPublic",
    chat: "chat",
    dataChannel: "dataChannel",
  },
  serverVersion: "0.1.0",
};

export function metadataOf(person: FakePerson): string {
  return toJsonString(
    UserMetadataSchema,
    create(UserMetadataSchema, {
      isAdmin: person.admin ?? false,
      isPresenter: person.presenter ?? false,
      extraData: person.extra ?? {},
      waitForApproval: person.waiting ?? false,
      ...(person.language === undefined ? {} : { preferredLang: person.language }),
      raisedHand: { isRaised: person.hand !== undefined, raisedAt: BigInt(person.hand ?? 0) },
      lockSettings: create(LockSettingsSchema, person.locks ?? {}),
    }),
  );
}

const kvUser = (person: FakePerson): NatsKvUserInfo =>
  create(NatsKvUserInfoSchema, {
    userId: person.id,
    name: person.name,
    isAdmin: person.admin ?? false,
    joinedAt: BigInt(person.joinedAt ?? 1),
    metadata: metadataOf(person),
  });

const userJson = (person: FakePerson): string =>
  toJsonString(NatsKvUserInfoSchema, kvUser(person), { useProtoFieldName: true });

export function eventBytes(
  event: Event,
  msg: string,
  binMsg: Uint8Array = new Uint8Array(),
): Uint8Array {
  return toBinary(
    NatsMsgServerToClientSchema,
    create(NatsMsgServerToClientSchema, { id: "e1", event, msg, binMsg }),
  );
}

/** Yes, or no and why. */
export const commonAnswer = (status: boolean, msg = status ? "success" : ""): Uint8Array =>
  toBinary(CommonResponseSchema, create(CommonResponseSchema, { status, msg }));

export interface FakeServer {
  readonly session: Session;
  /** What the session has sent, oldest first. */
  readonly sent: ClientEvent[];
  readonly published: ChatMessage[];
  /** What went to everybody beside the chat. */
  readonly data: DataChannelMessage[];
  /** What was asked below `/api/`, oldest first. */
  readonly asked: { readonly path: string; readonly body: Uint8Array | null }[];
  /** What those calls are answered; yes, until a test says otherwise. */
  answer(path: string): Uint8Array | Promise<Uint8Array>;
  /** From now on calls to this path are under way until they are answered by what is returned; each call of it answers one. */
  hold(path: string): (answer: Uint8Array) => Promise<void>;
  readonly engine: FakeEngine;
  readonly redials: number;
  setLink(status: LinkStatus): void;
  /** The next sends and publications fail. */
  refuse(on: boolean): void;
  emit(event: Event, msg: string, binMsg?: Uint8Array): void;
  initialData(me: FakePerson, metadata?: object): void;
  users(people: readonly FakePerson[]): void;
  mediaAccess(): void;
  joined(person: FakePerson): void;
  changed(person: FakePerson): void;
  chat(from: FakePerson, html: string, extra?: ChatExtra, sender?: string): void;
  privateChat(from: FakePerson, to: string, html: string): void;
  /** A data message to everybody. */
  tellAll(message: MessageInitShape<typeof DataChannelMessageSchema>): void;
  tellPrivately(message: MessageInitShape<typeof DataChannelMessageSchema>): void;
  history(from: string, to: string, lines: readonly object[]): void;
  /** All the way in, in one go. */
  enter(people: readonly [FakePerson, ...FakePerson[]], metadata?: object): Promise<void>;
}

export interface FakeEngine extends MediaEngine {
  handlers: EngineHandlers | null;
  readonly calls: string[];
  failNext: Error | null;
  /** A connection comes about only after this. */
  connecting: Promise<void> | null;
  people(people: Readonly<Record<string, Partial<PersonMedia>>>): void;
  speaking(...who: readonly string[]): void;
}

export function createFakeEngine(): FakeEngine {
  const calls: string[] = [];
  const local = { microphone: false, camera: false, screen: false };
  /** Whether such a device was adopted and nothing has become of it. */
  const unused = { microphone: false, camera: false };
  const did = async (call: string, change: () => void = () => undefined) => {
    const error = engine.failNext;
    engine.failNext = null;
    if (error) throw error;
    calls.push(call);
    change();
    engine.handlers?.onLocal({ ...local });
  };
  const engine: FakeEngine = {
    handlers: null,
    calls,
    failNext: null,
    connecting: null,
    connect: async (_access, { microphone }) => {
      await did(microphone === null ? "connect" : `connect ${microphone}`);
      await engine.connecting;
      // A new connection carries nothing yet.
      for (const each of ["microphone", "camera", "screen"] as const) local[each] = false;
      engine.handlers?.onStatus("connected");
    },
    adopt: ({ microphone, camera }) => {
      for (const track of [microphone, camera]) if (track) calls.push(`adopt ${track.id}`);
      unused.microphone = microphone !== null;
      unused.camera = camera !== null;
    },
    release(device) {
      if (unused[device]) calls.push(`release ${device}`);
      unused[device] = false;
    },
    publishMicrophone: (muted) => did(`publish ${muted ? "muted" : "live"}`),
    setMicrophone: (on) => did(`microphone ${on}`, () => void (local.microphone = on)),
    setCamera: (on) =>
      did(`camera ${on}`, () => {
        local.camera = on;
        unused.camera = false;
      }),
    setScreen: (on) => did(`screen ${on}`, () => void (local.screen = on)),
    switchDevice: (kind, id) => did(`device ${kind} ${id}`),
    setBackground: ({ kind }, saving) => did(`background ${kind}${saving ? " saving" : ""}`),
    reopen: (device) => did(`reopen ${device}`),
    startSound: () => did("sound"),
    limitVideo: (quality) => void calls.push(`limit ${quality}`),
    measure: async () => ({
      roundTripMs: 20,
      lossIn: 0,
      lossOut: null,
      bytesIn: 0,
      bytesOut: 0,
    }),
    disconnect: () => did("disconnect"),
    people(people) {
      engine.handlers?.onPeople(
        new Map(
          Object.entries(people).map(([id, media]) => [
            participantId(id),
            { ...NO_MEDIA, ...media },
          ]),
        ),
      );
    },
    speaking: (...who) => engine.handlers?.onSpeaking(new Set(who.map(participantId))),
  };
  return engine;
}

const settle = () => new Promise<void>((resolve) => queueMicrotask(() => resolve()));

/** Lets everything that is already promised happen. */
export async function flush(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await settle();
}

export function createFakeServer(overrides: Partial<SessionDeps> = {}): FakeServer {
  const sent: ClientEvent[] = [];
  const published: ChatMessage[] = [];
  const toAll: DataChannelMessage[] = [];
  const asked: FakeServer["asked"] = [];
  const status = createStore<LinkStatus>("open");
  const engine = createFakeEngine();
  let handlers: LinkHandlers | null = null;
  let refusing = false;
  let redials = 0;
  const link: Link = {
    status,
    send: async (event) => {
      if (refusing) throw new Error("refused");
      sent.push(event);
    },
    sendNow: (event) => void sent.push(event),
    publishChat: async (bytes) => {
      if (refusing) throw new Error("refused");
      published.push(fromBinary(ChatMessageSchema, bytes));
    },
    roundTrip: async () => 20,
    publishData: (bytes) => void toAll.push(fromBinary(DataChannelMessageSchema, bytes)),
    openRoom: () => undefined,
    redial: () => void (redials += 1),
    close: async () => undefined,
  };
  const session = createSession({
    token: "jwt",
    verify: async () => ADMISSION,
    endRoom: async () => ({ ok: true, reason: "success" }),
    ask: async (_token, path, body) => {
      asked.push({ path, body });
      return server.answer(path);
    },
    openLink: async (_admission, _token, given) => {
      handlers = given;
      return link;
    },
    loadEngine: async (given) => {
      engine.handlers = given;
      return engine;
    },
    onToken: () => undefined,
    devices: () => ({ microphone: null, camera: null, speaker: null }),
    lighter: { taken: () => false, take: () => undefined },
    now: Date.now,
    reachable: () => Promise.resolve(false),
    ...overrides,
  });
  const emit = (event: Event, msg: string, binMsg?: Uint8Array) =>
    handlers?.onEvent(eventBytes(event, msg, binMsg));
  const deliver = (type: PrivateDataDeliveryType, to: string, bytes: Uint8Array) =>
    emit(
      Event.DELIVERY_PRIVATE_DATA,
      JSON.stringify({
        to_user_id: to,
        echo_to_sender: false,
        type: PrivateDataDeliveryType[type],
      }),
      bytes,
    );
  const chatMessage = (from: FakePerson, message: string, extra: ChatExtra = {}) =>
    create(ChatMessageSchema, {
      id: crypto.randomUUID(),
      fromName: from.name,
      fromUserId: from.id,
      sentAt: BigInt(Date.now()),
      message,
      ...extra,
    });
  const server: FakeServer = {
    session,
    sent,
    published,
    data: toAll,
    asked,
    answer: () => commonAnswer(true),
    hold(path) {
      const held: ((answer: Uint8Array) => void)[] = [];
      const others = server.answer;
      server.answer = (called) =>
        called === path ? new Promise((answer) => held.push(answer)) : others(called);
      return async (answer) => {
        held.shift()?.(answer);
        await flush();
      };
    },
    engine,
    get redials() {
      return redials;
    },
    setLink: status.set,
    refuse: (on) => void (refusing = on),
    emit,
    initialData(me, metadata = {}) {
      emit(
        Event.RES_INITIAL_DATA,
        JSON.stringify({
          room: {
            room_id: "room01",
            room_sid: "sid",
            created_at: "1700000000",
            metadata: JSON.stringify({ room_title: "Weekly", ...metadata }),
          },
          local_user: JSON.parse(userJson(me)) as object,
        }),
      );
    },
    users(people) {
      emit(Event.RES_JOINED_USERS_LIST, `[${people.map(userJson).join(",")}]`);
    },
    mediaAccess() {
      emit(
        Event.RES_MEDIA_SERVER_DATA,
        JSON.stringify({ url: "ws://localhost", token: "media", enabled_e2ee: false }),
      );
    },
    joined: (person) => emit(Event.USER_JOINED, userJson(person)),
    changed: (person) =>
      emit(
        Event.USER_METADATA_UPDATE,
        JSON.stringify({ user_id: person.id, metadata: metadataOf(person) }),
      ),
    chat(from, html, extra, sender) {
      const bytes = toBinary(ChatMessageSchema, chatMessage(from, html, extra));
      handlers?.onChat(bytes, sender ?? null);
    },
    privateChat(from, to, html) {
      const line = chatMessage(from, html, { isPrivate: true, toUserId: to });
      deliver(PrivateDataDeliveryType.CHAT, to, toBinary(ChatMessageSchema, line));
    },
    tellAll: (message) =>
      handlers?.onData(
        toBinary(DataChannelMessageSchema, create(DataChannelMessageSchema, message)),
        null,
      ),
    tellPrivately: (message) =>
      deliver(
        PrivateDataDeliveryType.DATA_MSG,
        message.toUserId ?? "",
        toBinary(DataChannelMessageSchema, create(DataChannelMessageSchema, message)),
      ),
    history(from, to, lines) {
      const message = create(DataChannelMessageSchema, {
        id: "d1",
        type: DataMsgBodyType.RES_PUBLIC_CHAT_DATA,
        fromUserId: from,
        toUserId: to,
        message: JSON.stringify(lines),
      });
      deliver(PrivateDataDeliveryType.DATA_MSG, to, toBinary(DataChannelMessageSchema, message));
    },
    async enter(people, metadata) {
      session.start();
      await flush();
      server.initialData(people[0], metadata);
      await flush();
      session.join({
        microphone: () => ({ on: false, track: null }),
        camera: () => ({ on: false, track: null }),
      });
      await flush();
      server.users(people);
      server.mediaAccess();
      await flush();
    },
  };
  return server;
}

export const ANA: FakePerson = { id: "ana", name: "Ana", admin: true, joinedAt: 10 };
export const BEN: FakePerson = { id: "ben", name: "Ben", joinedAt: 20 };
export const CAT: FakePerson = { id: "cat", name: "Cat", joinedAt: 30 };
export const id = (raw: string): ParticipantId => participantId(raw);
