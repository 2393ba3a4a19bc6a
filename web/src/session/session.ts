/**
 * One visit to one meeting: the way in step by step, everything the server tells, everything this person
 * does, and the one way out. Plain TypeScript; the screens only read its stores and call its verbs.
 */
import {
  decodeChat,
  decodeData,
  decodeHistory,
  decodeServerEvent,
  WireError,
} from "../wire/decode";
import type { ActivityEvent, DataMessage, ServerEvent } from "../wire/decode";
import { encodeChat, encodeHistory, encodeReaction, messageId, type Outcome } from "../wire/encode";
import type {
  Admission,
  ChatLine,
  MediaAccess,
  NoticeLevel,
  ParticipantId,
  Person,
  RoomInfo,
  RoomState,
  ServerNotice,
} from "../wire/types";
import { createChatStore, type ChatStore, type ConversationId, type Entry } from "./chat";
import { composeHtml } from "./compose";
import { endReason, SessionError, type EndReason } from "./errors";
import type { Link, LinkHandlers, LinkStatus } from "./link";
import {
  createMedia,
  type DeviceChoice,
  type LoadEngine,
  type Media,
  type MediaSwitch,
} from "./media";
import { deviceLossText } from "./device-loss";
import { createMailbox, type Mailbox } from "./mailbox";
import { createMediaRecovery, type MediaRecovery } from "./media-recovery";
import { createNoticeStore, type Alert, type NoticeStore } from "./notices";
import { createPeopleStore, type PeopleStore } from "./people";
import { createReactionStore, emojiFrom, type Emoji, type ReactionStore } from "./reactions";
import { isLockRefusal, mayReact, mayUse } from "./rights";
import { createStore, type Readable } from "./store";
import { secondsLeft, warningBetween } from "./time-left";

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
  now(): number;
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
  /** Server time minus this machine's, in milliseconds. */
  clockOffset(): number;
  start(): void;
  join(choice: JoinChoice): void;
  /** `words` tell the hosts of other clients, in this person's language. */
  raiseHand(up: boolean, words: string): void;
  lowerHandOf(who: ParticipantId | "all"): void;
  react(emoji: Emoji): void;
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
  dispose(): void;
}

const PING_MS = 10_000;
const RENEW_MS = 3 * 60_000;
const SYNC_MS = 30_000;
/** How often the end of a limited meeting is looked at. */
const TIME_MS = 5_000;
/** So close to its end, in seconds, a meeting that ends has ended by itself. */
const TIME_UP_S = 15;
/** No answer from the server for one step of the way in. */
const STEP_TIMEOUT_MS = 20_000;
/** Unanswered heartbeats before the line is shown as bad, is dialled again, and is given up. */
const PONGS_BAD = 2;
const PONGS_REDIAL = 4;
const PONGS_GONE = 30;
/** How long an answer to a history request is accepted. */
const HISTORY_MS = 30_000;
const HISTORY_DONORS = 2;
/** Tells our own server to send what has become of the lines as well; others do not look at it. */
const HISTORY_WITH_MARKS = "plenum:marks";
/** Lines handed to a late joiner whose server keeps no history. */
const HISTORY_LINES = 500;
/** How long after a raised hand the server's notice of it may arrive. */
const HAND_ECHO_MS = 5_000;
/** Longest notice shown, in characters. */
const MAX_NOTICE = 300;
/** A text on the wire, in characters. */
const MAX_TEXT = 8_000;

export function createSession(deps: SessionDeps): Session {
  const phase = createStore<Phase>({ at: "checking" });
  const line = createStore<LineState>("good");
  const room = createStore<RoomInfo | null>(null);
  const people = createPeopleStore();
  const notices = createNoticeStore(deps.now);
  const activities = createMailbox<ActivityNews>();
  const reactions = createReactionStore(deps.now);
  let me: ParticipantId | null = null;
  const chat = createChatStore(() => me);
  const media = createMedia(deps.loadEngine, {
    onSwitchFailed: (which, error, wanted) => switchFailed(which, error, wanted),
    onTalkingWhileMuted: () =>
      notices.show({
        group: "muted",
        level: "warning",
        passing: true,
        text: { key: "notice.youAreMuted" },
        action: { key: "toolbar.unmute", run: unmute },
      }),
    onSilentMicrophone: () =>
      notices.show({ group: "silent", level: "warning", text: { key: "notice.microphoneSilent" } }),
    onDeviceLost: (loss) =>
      notices.show({ group: `lost-${loss.kind}`, level: "warning", text: deviceLossText(loss) }),
  });

  let token = deps.token;
  let admission: Admission | null = null;
  let link: Link | null = null;
  let choice: JoinChoice | null = null;
  let missedPongs = 0;
  let clockOffset = 0;
  let roomOpened = false;
  let listed = false;
  let endedByMe = false;
  let stepTimer: ReturnType<typeof setTimeout> | undefined;
  let recovery: MediaRecovery | null = null;
  const timers: ReturnType<typeof setInterval>[] = [];
  const cleanups: (() => void)[] = [];
  const asked = new Map<ParticipantId, number>();
  const handsUp = new Map<string, number>();
  /** What a host has locked for this person. */
  const shut = new Set<MediaSwitch>();

  const myself = () => (me === null ? undefined : people.getSnapshot().get(me));
  /** The server's clock, which everybody's times are told by. */
  const serverNow = () => deps.now() + clockOffset;
  const ended = () => phase.getSnapshot().at === "ended";
  const at = (where: Exclude<Phase["at"], "ended">) => {
    if (!ended()) phase.set({ at: where });
  };

  /** Waits for the server to answer a step; without an answer the visit ends with a way to retry. */
  const expectAnswer = () => {
    clearTimeout(stepTimer);
    stepTimer = setTimeout(() => end({ code: "timeout", detail: "" }), STEP_TIMEOUT_MS);
  };
  const answered = () => clearTimeout(stepTimer);

  function end(reason: EndReason): void {
    if (ended()) return;
    phase.set({ at: "ended", reason, logoutUrl: room.getSnapshot()?.state.logoutUrl ?? null });
    stopEverything();
  }

  function stopEverything(): void {
    answered();
    for (const timer of timers) clearInterval(timer);
    for (const cleanup of cleanups) cleanup();
    timers.length = 0;
    cleanups.length = 0;
    notices.dispose();
    reactions.dispose();
    // Nobody is left to tell when closing fails; the page lets go of the rest.
    media.disconnect().catch(() => undefined);
    link?.close().catch(() => undefined);
    link = null;
  }

  const unmute = () => switchOn("microphone");

  /** As the button would: a lock that came meanwhile is explained, not tried. */
  function switchOn(which: MediaSwitch): void {
    const state = room.getSnapshot()?.state;
    const person = myself();
    if (!state || !person) return;
    const right = mayUse(which, person, state);
    if (right.ok) return media[which].want(true);
    const text = { key: `why.${right.why}.${which}` } as const;
    notices.show({ group: `refused-${which}`, level: "warning", passing: true, text });
  }

  /** Sends reliably; a request the server never took is said once. */
  const send = (event: Parameters<Link["send"]>[0]) => {
    link?.send(event).catch(() => {
      if (!ended()) {
        notices.show({ group: "discarded", level: "error", text: { key: "notice.notSent" } });
      }
    });
  };

  async function enter(): Promise<void> {
    try {
      admission = await deps.verify(token);
      if (ended()) return;
      me = admission.me;
      at("connecting");
      const opened = await deps.openLink(admission, () => token, handlers);
      if (ended()) return void opened.close();
      link = opened;
      at("receiving");
      cleanups.push(opened.status.subscribe(() => onLink(opened.status.getSnapshot())));
      startTimers();
      send({ kind: "initial-data" });
      expectAnswer();
    } catch (error) {
      end(error instanceof SessionError ? error : { code: "network", detail: "" });
    }
  }

  function startTimers(): void {
    let left: number | null = null;
    const watchTime = () => {
      const state = room.getSnapshot()?.state;
      if (!state || phase.getSnapshot().at !== "meeting") return;
      const before = left;
      left = secondsLeft(state.startedAt, state.features.durationMinutes, serverNow());
      const minutes = warningBetween(before, left);
      if (minutes === null) return;
      const text = { key: "notice.timeLeft", values: { count: minutes } } as const;
      notices.show({ group: "time", level: "warning", text });
    };
    const ping = () => {
      if (link?.status.getSnapshot() !== "open") return;
      missedPongs += 1;
      link.sendNow({ kind: "ping" });
      if (missedPongs > PONGS_GONE) end({ code: "server-silent", detail: "" });
      else if (missedPongs > PONGS_BAD) line.set("unresponsive");
      if (missedPongs % PONGS_REDIAL === 0) link?.redial();
    };
    ping();
    timers.push(
      setInterval(ping, PING_MS),
      setInterval(watchTime, TIME_MS),
      setInterval(() => {
        if (line.getSnapshot() !== "reconnecting") send({ kind: "renew-token", token });
      }, RENEW_MS),
      setInterval(() => {
        if (listed && line.getSnapshot() === "good") send({ kind: "online-users" });
      }, SYNC_MS),
    );
    const offline = () => link?.redial();
    window.addEventListener("offline", offline);
    cleanups.push(() => window.removeEventListener("offline", offline));
  }

  function onLink(status: LinkStatus): void {
    if (status === "closed") return end({ code: "network", detail: "" });
    if (status === "down") {
      if (line.getSnapshot() !== "reconnecting") line.set("reconnecting");
      return;
    }
    missedPongs = 0;
    line.set("good");
    // Whatever was missed meanwhile is asked for again; all of it is harmless to hear twice.
    send({ kind: "initial-data" });
    if (listed) {
      send({ kind: "online-users" });
      askHistory();
    }
  }

  const handlers: LinkHandlers = {
    onEvent(bytes) {
      try {
        onEvent(decodeServerEvent(bytes));
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        // Mid-meeting an unreadable event is skipped; without the first ones there is no meeting.
        if (phase.getSnapshot().at === "receiving") end({ code: "bad-message", detail: "" });
      }
    },
    onChat(bytes, verifiedSender) {
      const received = understood(() => decodeChat(bytes));
      if (!received || received.to !== null || received.from === "system") return;
      if (verifiedSender !== null && verifiedSender !== received.from) return;
      if (received.from !== me) chat.receive(received);
    },
    onData(bytes, verifiedSender) {
      const data = understood(() => decodeData(bytes));
      if (!data || (verifiedSender !== null && verifiedSender !== data.from)) return;
      onData(data, false);
    },
  };

  /** What others send may be garbage; garbage is not shown. */
  function understood<T>(read: () => T): T | null {
    try {
      return read();
    } catch (error) {
      if (error instanceof WireError) return null;
      throw error;
    }
  }

  function onEvent(event: ServerEvent): void {
    if (ended()) return;
    switch (event.kind) {
      case "initial-data":
        return onInitialData(event.room, event.me);
      case "users":
        return onUsers(event.people, event.first);
      case "media-access":
        return void onMediaAccess(event.access);
      case "room-state":
        return onRoomState(event.state);
      case "person-state":
        return onPersonState(event.id, () => people.change(event.id, event.state));
      case "joined":
        return onJoined(event.person);
      case "disconnected":
        return people.disconnect(event.person.id);
      case "offline": {
        const gone = event.person.id === me ? undefined : people.leave(event.person.id);
        if (gone && !gone.waiting) announceMove("left", gone);
        return;
      }
      case "token":
        token = event.token;
        return deps.onToken(token);
      case "notice":
        return onNotice(event.notice);
      case "ended":
        return end(truly(endReason(event.reason)));
      case "system-chat":
        notices.show({
          group: "system-chat",
          text: { key: "notice.systemChat" },
          alert: "message",
          panel: "chat",
        });
        return chat.receiveSystem(event.id, composeHtml(event.text), serverNow());
      case "private-chat":
        if (event.line.from === me || event.line.to === me) chat.receive(event.line);
        return;
      case "data":
        return onData(event.data, true);
      case "activity":
        return activities.put({ kind: "event", what: event.what, text: event.text });
      case "pong":
        return onPong(event.serverTime);
      case "other":
        return;
      default:
        event satisfies never;
    }
  }

  /** The server has one word for several endings; what led to it is known here. */
  function truly(reason: EndReason): EndReason {
    const detail = "";
    if (reason.code === "removed" && phase.getSnapshot().at === "waiting") {
      return { code: "rejected", detail };
    }
    if (reason.code !== "room-ended") return reason;
    if (endedByMe) return { code: "ended-by-you", detail };
    const state = room.getSnapshot()?.state;
    const left = state
      ? secondsLeft(state.startedAt, state.features.durationMinutes, serverNow())
      : null;
    return left !== null && left <= TIME_UP_S ? { code: "time-over", detail } : reason;
  }

  function onPong(serverTime: number): void {
    missedPongs = 0;
    if (line.getSnapshot() === "unresponsive") line.set("good");
    if (Number.isFinite(serverTime)) clockOffset = serverTime - deps.now();
  }

  function onInitialData(info: RoomInfo, person: Person): void {
    answered();
    me = person.id;
    room.set(info);
    if (info.state.features.encrypted) return end({ code: "encrypted", detail: "" });
    people.arrive(person);
    if (phase.getSnapshot().at === "receiving") {
      if (info.state.welcome) chat.receiveSystem("system:welcome", info.state.welcome, 1);
      at("ready");
      media.prepare();
    } else admitIfApproved();
  }

  function onRoomState(state: RoomState): void {
    const now = room.getSnapshot();
    if (!now || (state.metadataId !== null && state.metadataId === now.state.metadataId)) return;
    room.set({ ...now, state });
    if (now.state.recording !== state.recording) {
      const key = state.recording ? "notice.recordingStarted" : "notice.recordingStopped";
      notices.show({ group: "recording", level: "warning", text: { key } });
    }
    obeyLocks();
  }

  function onPersonState(id: ParticipantId, change: () => void): void {
    const before = people.getSnapshot().get(id);
    change();
    const after = people.getSnapshot().get(id);
    if (!before || !after) return;
    if (id === me) {
      obeyLocks();
      admitIfApproved();
      if (!before.isPresenter && after.isPresenter && phase.getSnapshot().at === "meeting") {
        notices.show({ group: "presenter", text: { key: "notice.youArePresenter" } });
      }
    } else if (before.handRaisedAt === null && after.handRaisedAt !== null) {
      handsUp.set(after.name, deps.now());
      const forMe = myself()?.isAdmin ?? false;
      notices.show({
        group: "hand",
        about: after,
        text: { key: "notice.handRaised" },
        alert: forMe ? "hand" : null,
        panel: forMe ? "people" : null,
      });
    }
  }

  /** Hosts are also told of raised hands in the raiser's own words; once, in our words, is enough. */
  function onNotice({ level, text, withSound, details }: ServerNotice): void {
    if (details !== null) return void onHostNotice(details, () => say(level, text));
    for (const [name, when] of handsUp) {
      if (deps.now() - when > HAND_ECHO_MS) handsUp.delete(name);
      else if (level === "info" && text.includes(name)) return;
    }
    say(level, text, withSound ? "message" : null);
  }

  /** What a host did or asks, in the reader's language; else in the words it came with. */
  async function onHostNotice(details: Uint8Array, sayPlain: () => void): Promise<void> {
    try {
      const { showHostNotice } = await import("./host-notices");
      if (!ended() && !showHostNotice(details, { notices, media, switchOn })) sayPlain();
    } catch {
      // What cannot be fetched now is said in English.
      sayPlain();
    }
  }

  /** Somebody else's words, unless there are none. */
  function say(level: NoticeLevel, text: string, alert: Alert | null = null): void {
    const plain = text.trim().slice(0, MAX_NOTICE);
    if (plain !== "") notices.show({ level, text: { plain }, alert });
  }

  function onJoined(person: Person): void {
    const isNew = people.arrive(person);
    if (!isNew || person.id === me || phase.getSnapshot().at !== "meeting") return;
    if (!person.waiting) announceMove("joined", person);
    else {
      notices.show({
        group: "waiting",
        about: person,
        text: { key: "notice.waiting" },
        alert: "waiting",
        panel: "waiting",
      });
    }
  }

  function announceMove(move: "joined" | "left", person: Person): void {
    if (phase.getSnapshot().at === "meeting") {
      notices.show({ group: move, about: person, text: { key: `notice.${move}` } });
    }
  }

  /**
   * The server has already cut what a new lock forbids; the switches follow. Whoever comes into a room finds
   * its locks on the switches; what changes afterwards is also said.
   */
  function obeyLocks(silently = phase.getSnapshot().at !== "meeting"): void {
    const state = room.getSnapshot()?.state;
    const person = myself();
    if (!state || !person) return;
    for (const device of ["microphone", "camera", "screen"] as const) {
      const right = mayUse(device, person, state);
      const why = !right.ok && isLockRefusal(right.why) ? right.why : null;
      const wasOn = media[device].getSnapshot().on;
      const wasShut = shut.has(device);
      if (why === null) shut.delete(device);
      else shut.add(device);
      if (why !== null && wasOn) media[device].want(false);
      if (silently || (why !== null) === wasShut) continue;
      const group = `lock-${device}`;
      if (why === null) notices.show({ group, text: { key: `notice.free.${device}` } });
      // A meeting at rest says so itself.
      else if (state.restingSince === null)
        notices.show({ group, level: "warning", text: { key: `why.${why}.${device}` } });
    }
  }

  function join(wanted: JoinChoice): void {
    if (phase.getSnapshot().at !== "ready") return;
    choice = wanted;
    const person = myself();
    if (person?.waiting) return at("waiting");
    proceed();
  }

  function admitIfApproved(): void {
    const person = myself();
    if (phase.getSnapshot().at === "waiting" && person?.waiting === false) proceed();
  }

  function proceed(): void {
    at("entering");
    send({ kind: "users" });
    expectAnswer();
  }

  function onUsers(list: readonly Person[], first: boolean): void {
    if (me === null) return;
    people.sync(list, me);
    if (!first || listed) return;
    listed = true;
    send({ kind: "media-access" });
    expectAnswer();
    if (!roomOpened) {
      roomOpened = true;
      link?.openRoom();
    }
    askHistory();
  }

  async function onMediaAccess(access: MediaAccess): Promise<void> {
    answered();
    const picked = choice;
    if (recovery) return recovery.access(access);
    if (!picked || phase.getSnapshot().at !== "entering") return;
    // Without sound and picture one can still read, write and listen to what happens next.
    const connected = await media.connect(access, deps.devices()).then(
      () => true,
      () => false,
    );
    if (ended()) return;
    const microphone = picked.microphone();
    const camera = picked.camera();
    media.adopt({ microphone: microphone.track, camera: camera.track });
    at("meeting");
    obeyLocks(true);
    recovery = createMediaRecovery(media, deps.devices, () => send({ kind: "media-access" }));
    cleanups.push(recovery.dispose);
    const publish = () => publishFirst(microphone.on, camera.on);
    if (connected) return publish();
    const stop = media.subscribe(() => {
      if (media.getSnapshot().status !== "connected") return;
      stop();
      publish();
    });
    cleanups.push(stop);
  }

  function publishFirst(withMicrophone: boolean, withCamera: boolean): void {
    const startMuted = room.getSnapshot()?.state.features.muteOnStart ?? false;
    if (withMicrophone && startMuted) {
      media.publishMuted().catch((error: unknown) => switchFailed("microphone", error, true));
    } else if (withMicrophone) media.microphone.want(true);
    if (withCamera) media.camera.want(true);
  }

  function switchFailed(which: MediaSwitch, error: unknown, wanted: boolean): void {
    if (ended() || !wanted) return;
    const denied = error instanceof Error && error.name === "NotAllowedError";
    // Closing the browser's picker is an answer, not a fault.
    if (which === "screen" && denied) return;
    const key =
      denied && which !== "screen"
        ? (`notice.denied.${which}` as const)
        : (`notice.failed.${which}` as const);
    notices.show({ group: `failed-${which}`, level: "error", text: { key } });
  }

  function askHistory(): void {
    if (me === null) return;
    const donors = [...people.getSnapshot().values()]
      .filter(({ waiting, online }) => !waiting && online)
      .toSorted((a, b) => a.joinedAt - b.joinedAt)
      .slice(0, HISTORY_DONORS);
    for (const { id } of donors) {
      asked.set(id, deps.now());
      const text = HISTORY_WITH_MARKS;
      send({ kind: "private-data", to: id, from: me, data: "history-request", text });
    }
  }

  function onData(data: DataMessage, privately: boolean): void {
    if (data.kind === "activity") return activities.put({ kind: "data", data, privately });
    if (data.to !== null && data.to !== me) return;
    if (data.kind === "history") {
      // Only what was asked for, and only from whom it was asked.
      const when = asked.get(data.from);
      if (!privately || when === undefined || deps.now() - when > HISTORY_MS) return;
      chat.merge(understood(() => decodeHistory(data.text)) ?? []);
      return;
    }
    if (data.from === me) return;
    if (data.kind === "history-request" && privately) answerHistory(data.from);
    else if (data.kind === "reaction" && !privately) onReaction(data);
    else if ((data.kind === "info" || data.kind === "alert") && privately) {
      if (!people.getSnapshot().get(data.from)?.isAdmin) return;
      say(data.kind === "alert" ? "warning" : "info", data.text);
    }
  }

  function onReaction({ from, text }: DataMessage): void {
    const emoji = emojiFrom(text);
    const name = people.getSnapshot().get(from)?.name;
    if (emoji !== null && name !== undefined) reactions.show(emoji, from, name);
  }

  function react(emoji: Emoji): void {
    const person = myself();
    const state = room.getSnapshot()?.state;
    if (!person || !state || !mayReact(person, state).ok) return;
    if (!reactions.show(emoji, person.id, person.name)) return;
    link?.publishData(encodeReaction(emoji, person, serverNow()));
  }

  /** A server that keeps the history never forwards the question; others rely on us. */
  function answerHistory(to: ParticipantId): void {
    const lines = chat.publicLines().slice(-HISTORY_LINES);
    if (me === null || lines.length === 0 || !people.getSnapshot().has(to)) return;
    send({ kind: "private-data", to, from: me, data: "history", text: encodeHistory(lines) });
  }

  function writeHtml(conversation: ConversationId, html: string, replyTo?: string): void {
    const person = myself();
    if (!person || html === "") return;
    const own: ChatLine = {
      id: messageId(),
      from: person.id,
      fromName: person.name,
      fromAdmin: person.isAdmin,
      to: conversation,
      sentAt: serverNow(),
      html,
      ...(replyTo === undefined ? {} : { replyTo }),
    };
    chat.addOwn(own);
    void deliver(own);
  }

  async function deliver(own: ChatLine): Promise<void> {
    try {
      if (!link) throw new Error("no line to the server");
      if (own.to === null) await link.publishChat(encodeChat(own));
      else await link.send({ kind: "private-chat", to: own.to, line: own });
      chat.mark(own.id, own.to, "sent");
    } catch {
      chat.mark(own.id, own.to, "failed");
    }
  }

  return {
    phase,
    line,
    room,
    people,
    chat,
    media,
    notices,
    reactions,
    me: () => me,
    clockOffset: () => clockOffset,
    start: () => void enter(),
    join,
    raiseHand(up, words) {
      const person = myself();
      if (!person) return;
      const { handRaisedAt } = person;
      // Shown at once; the server's echo brings the true time.
      people.change(person.id, {
        ...person,
        handRaisedAt: up ? (handRaisedAt ?? serverNow()) : null,
      });
      send(up ? { kind: "raise-hand", text: words } : { kind: "lower-hand" });
    },
    lowerHandOf: (who) => send({ kind: "lower-hand-of", who }),
    react,
    ask: ({ path, body }) => deps.ask(token, path, body),
    token: () => token,
    activities,
    publishData: (bytes) => link?.publishData(bytes),
    sendPrivately: (to, bytes, echo) => send({ kind: "private-activity", to, bytes, echo }),
    write: (conversation, text, replyTo) =>
      writeHtml(conversation, composeHtml(text.slice(0, MAX_TEXT)), replyTo),
    writeHtml,
    resend(entry) {
      const { delivery: _, system: __, ...own } = entry;
      chat.mark(own.id, own.to, "sending");
      void deliver(own);
    },
    leave: () => end({ code: "left", detail: "" }),
    async endForAll() {
      if (!admission) return { ok: false, reason: "" };
      // Whoever asked shows how it went, where they asked.
      endedByMe = true;
      const outcome = await deps
        .endRoom(token, admission.roomId)
        .catch(() => ({ ok: false, reason: "" }));
      endedByMe = outcome.ok;
      return outcome;
    },
    dispose() {
      if (!ended()) stopEverything();
    },
  };
}
