/**
 * One visit to one meeting: the way in step by step, everything the server tells, everything this person
 * does, and the one way out. Plain TypeScript; the screens only read its stores and call its verbs.
 */
import {
  decodeChat,
  decodeData,
  decodeServerEvent,
  WireError,
  type ServerEvent,
} from "../wire/decode";
import type { Admission, ParticipantId, Person, RoomInfo, RoomState } from "../wire/types";
import { createChatStore } from "./chat";
import { composeHtml } from "./compose";
import type { ActivityNews, LineState, Phase, Session, SessionDeps } from "./contract";
import { deviceLossText } from "./device-loss";
import { createEntrance } from "./entrance";
import { endReason, SessionError, type EndReason } from "./errors";
import { createHeartbeat } from "./heartbeat";
import type { Link, LinkHandlers, LinkStatus } from "./link";
import { createMailbox } from "./mailbox";
import { createMedia } from "./media";
import { createNoticeStore } from "./notices";
import { createPeerData } from "./peer-data";
import { createPeopleStore } from "./people";
import { createReactionStore } from "./reactions";
import { createSayings } from "./sayings";
import { createShareEnded } from "./share-ended";
import { createStore } from "./store";
import { createSwitches } from "./switches";
import { createTalk } from "./talk";
import { secondsLeft } from "./time-left";
import { understood } from "./understood";

export type {
  ActivityNews,
  Bringing,
  JoinChoice,
  Lighter,
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
    onShareEnded: (why) => shareEnded(why),
    onSwitchFailed: (which, error, wanted) => switches.failed(which, error, wanted),
    onTalkingWhileMuted: () =>
      notices.show({
        group: "muted",
        level: "warning",
        passing: true,
        text: { key: "notice.youAreMuted" },
        action: { key: "toolbar.unmute", run: () => switches.on("microphone") },
      }),
    onDeviceLost: (loss) =>
      notices.show({
        group: `lost-${loss.kind}`,
        level: loss.denied ? "error" : "warning",
        text: deviceLossText(loss),
      }),
    onBackground: (trouble) =>
      notices.show({
        group: `background-${trouble}`,
        level: trouble === "failed" ? "error" : "warning",
        text: { key: `notice.background.${trouble}` },
        ...(trouble === "slow" &&
          !deps.lighter.taken() && {
            action: { key: "notice.background.save", run: deps.lighter.take },
          }),
      }),
  });

  let token = deps.token;
  let admission: Admission | null = null;
  let link: Link | null = null;
  let clockOffset = 0;
  let endedByMe = false;
  let stepTimer: ReturnType<typeof setTimeout> | undefined;
  const cleanups: (() => void)[] = [];

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

  const leave = () => end({ code: "left", detail: "" });

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
  const shareEnded = createShareEnded({ media, notices, share: () => switches.on("screen") });
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
    listed: () => entrance.listed(),
    serverNow,
    reachable: deps.reachable,
    send,
    end,
  });

  const state = () => room.getSnapshot()?.state;
  const around = {
    people,
    media,
    chat,
    notices,
    reactions,
    activities,
    switches,
    talk,
    cleanups,
    link: () => link,
    room: state,
    myself,
    inMeeting,
    ended,
    at,
    send,
    expectAnswer,
    answered,
    now: deps.now,
    serverNow,
    devices: deps.devices,
    phase: () => phase.getSnapshot().at,
  };
  const sayings = createSayings({ ...around, me: myself });
  const peers = createPeerData({ ...around, sayings, me: () => me });
  const entrance = createEntrance({
    ...around,
    me: () => me,
    onListed() {
      link?.openRoom();
      talk.askHistory();
    },
  });

  async function enter(): Promise<void> {
    try {
      admission = await deps.verify(token);
      if (ended()) return;
      me = admission.me;
      at("connecting");
      const opened = await deps.openLink(admission, () => token, handlers);
      if (ended()) return void opened.close().catch(() => undefined);
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
    // Whatever was missed meanwhile is asked for again; all of it is harmless to hear twice. Who is in the meeting does not
    // ask for the first data again, which only pages do that begin: the server tells what of it has changed.
    if (!entrance.listed()) return send({ kind: "initial-data" });
    send({ kind: "online-users" });
    talk.askHistory();
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
      peers.hear(data, false);
    },
  };

  function onEvent(event: ServerEvent): void {
    if (ended()) return;
    switch (event.kind) {
      case "initial-data":
        return onInitialData(event.room, event.me);
      case "users":
        return entrance.users(event.people, event.first);
      case "media-access":
        return entrance.mediaAccess(event.access);
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
        if (gone) sayings.left(gone);
        return;
      }
      case "token":
        token = event.token;
        return deps.onToken(token);
      case "notice":
        return sayings.notice(event.notice);
      case "ended":
        return end(truly(endReason(event.reason)));
      case "system-chat":
        sayings.systemChat();
        return chat.receiveSystem(event.id, composeHtml(event.text), serverNow());
      case "private-chat":
        if (event.line.from === me || event.line.to === me) chat.receive(event.line);
        return;
      case "data":
        return peers.hear(event.data, true);
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
    const is = state();
    const left = is ? secondsLeft(is.startedAt, is.features.durationMinutes, serverNow()) : null;
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
    } else entrance.admitIfApproved();
  }

  function onRoomState(next: RoomState): void {
    const now = room.getSnapshot();
    if (!now || (next.metadataId !== null && next.metadataId === now.state.metadataId)) return;
    room.set({ ...now, state: next });
    sayings.changed(now.state, next);
    switches.obeyLocks();
  }

  function onPersonState(id: ParticipantId, change: () => void): void {
    const before = people.getSnapshot().get(id);
    change();
    const after = people.getSnapshot().get(id);
    if (!before || !after) return;
    if (!before.isPresenter && after.isPresenter) sayings.presents(after, id === me);
    if (id === me) {
      switches.obeyLocks();
      entrance.admitIfApproved();
    } else if (before.handRaisedAt === null && after.handRaisedAt !== null) {
      sayings.handRaised(after);
    }
  }

  function onJoined(person: Person): void {
    const isNew = people.arrive(person);
    if (isNew && person.id !== me) sayings.arrived(person);
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
    serverVersion: () => admission?.serverVersion ?? null,
    clockOffset: () => clockOffset,
    start: () => void enter(),
    join: entrance.join,
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
    react: peers.react,
    roundTrip: async () => {
      if (link?.status.getSnapshot() !== "open") throw new Error("the line is down");
      return link.roundTrip();
    },
    ask: ({ path, body }) => deps.ask(token, path, body),
    token: () => token,
    activities,
    publishData: (bytes) => link?.publishData(bytes),
    sendPrivately: (to, bytes, echo) => send({ kind: "private-activity", to, bytes, echo }),
    write: talk.write,
    writeHtml: talk.writeHtml,
    resend: talk.resend,
    leave,
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
    dispose: leave,
  };
}
