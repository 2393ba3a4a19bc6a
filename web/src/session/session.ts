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
import type { DataMessage, ServerEvent } from "../wire/decode";
import { encodeReaction } from "../wire/encode";
import type {
  Admission,
  MediaAccess,
  NoticeLevel,
  ParticipantId,
  Person,
  RoomInfo,
  RoomState,
  ServerNotice,
} from "../wire/types";
import { createChatStore } from "./chat";
import { composeHtml } from "./compose";
import type { ActivityNews, JoinChoice, LineState, Phase, Session, SessionDeps } from "./contract";
import { deviceLossText } from "./device-loss";
import { endReason, SessionError, type EndReason } from "./errors";
import { createHeartbeat } from "./heartbeat";
import type { Link, LinkHandlers, LinkStatus } from "./link";
import { createMailbox } from "./mailbox";
import { createMedia } from "./media";
import { createMediaRecovery, type MediaRecovery } from "./media-recovery";
import { createNoticeStore, type Alert } from "./notices";
import { createPeopleStore } from "./people";
import { createReactionStore, emojiFrom, type Emoji } from "./reactions";
import { mayReact } from "./rights";
import { createStore } from "./store";
import { createSwitches } from "./switches";
import { createTalk } from "./talk";
import { secondsLeft } from "./time-left";

export type {
  ActivityNews,
  Bringing,
  JoinChoice,
  LineState,
  Phase,
  ServerRequest,
  Session,
  SessionDeps,
} from "./contract";

/** So close to its end, in seconds, a meeting that ends has ended by itself. */
const TIME_UP_S = 15;
/** No answer from the server for one step of the way in. */
const STEP_TIMEOUT_MS = 20_000;
/** How long after a raised hand the server's notice of it may arrive. */
const HAND_ECHO_MS = 5_000;
/** Longest notice shown, in characters. */
const MAX_NOTICE = 300;

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
    onSwitchFailed: (which, error, wanted) => switches.failed(which, error, wanted),
    onTalkingWhileMuted: () =>
      notices.show({
        group: "muted",
        level: "warning",
        passing: true,
        text: { key: "notice.youAreMuted" },
        action: { key: "toolbar.unmute", run: () => switches.on("microphone") },
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
  let clockOffset = 0;
  let roomOpened = false;
  let listed = false;
  let endedByMe = false;
  let stepTimer: ReturnType<typeof setTimeout> | undefined;
  let recovery: MediaRecovery | null = null;
  const cleanups: (() => void)[] = [];
  const handsUp = new Map<string, number>();

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
    heart.stop();
    for (const cleanup of cleanups) cleanup();
    cleanups.length = 0;
    notices.dispose();
    reactions.dispose();
    // Nobody is left to tell when closing fails; the page lets go of the rest.
    media.disconnect().catch(() => undefined);
    link?.close().catch(() => undefined);
    link = null;
  }

  /** Sends reliably; a request the server never took is said once. */
  const send = (event: Parameters<Link["send"]>[0]) => {
    link?.send(event).catch(() => {
      if (!ended()) {
        notices.show({ group: "discarded", level: "error", text: { key: "notice.notSent" } });
      }
    });
  };

  const inMeeting = () => phase.getSnapshot().at === "meeting";
  const switches = createSwitches({
    media,
    notices,
    me: myself,
    room: () => room.getSnapshot()?.state,
    inMeeting,
    ended,
  });
  const talk = createTalk({
    people,
    chat,
    link: () => link,
    me: myself,
    now: deps.now,
    serverNow,
    send,
  });
  const heart = createHeartbeat({
    phase,
    line,
    room,
    notices,
    link: () => link,
    token: () => token,
    listed: () => listed,
    serverNow,
    send,
    end,
  });

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
      heart.start();
      send({ kind: "initial-data" });
      expectAnswer();
    } catch (error) {
      end(error instanceof SessionError ? error : { code: "network", detail: "" });
    }
  }

  function onLink(status: LinkStatus): void {
    if (status === "closed") return end({ code: "network", detail: "" });
    if (status === "down") {
      if (line.getSnapshot() !== "reconnecting") line.set("reconnecting");
      return;
    }
    heart.heard();
    line.set("good");
    // Whatever was missed meanwhile is asked for again; all of it is harmless to hear twice.
    send({ kind: "initial-data" });
    if (listed) {
      send({ kind: "online-users" });
      talk.askHistory();
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
    heart.heard();
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
    switches.obeyLocks();
  }

  function onPersonState(id: ParticipantId, change: () => void): void {
    const before = people.getSnapshot().get(id);
    change();
    const after = people.getSnapshot().get(id);
    if (!before || !after) return;
    if (id === me) {
      switches.obeyLocks();
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
      if (
        !ended() &&
        !showHostNotice(details, { notices, media, switchOn: switches.on, serverNow })
      )
        sayPlain();
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
    talk.askHistory();
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
    switches.obeyLocks(true);
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
      media.publishMuted().catch((error: unknown) => switches.failed("microphone", error, true));
    } else if (withMicrophone) media.microphone.want(true);
    if (withCamera) media.camera.want(true);
  }

  function onData(data: DataMessage, privately: boolean): void {
    if (data.kind === "activity") return activities.put({ kind: "data", data, privately });
    if (data.to !== null && data.to !== me) return;
    if (data.kind === "history") {
      if (privately && talk.isAnswer(data.from)) {
        chat.merge(understood(() => decodeHistory(data.text)) ?? []);
      }
      return;
    }
    if (data.from === me) return;
    if (data.kind === "history-request" && privately) talk.answerHistory(data.from);
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
    write: talk.write,
    writeHtml: talk.writeHtml,
    resend: talk.resend,
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
