/** What a visit does by the clock: says that it is there, keeps its token fresh, and looks how long the meeting still is. */
import type { ClientEvent } from "../wire/encode";
import type { RoomInfo } from "../wire/types";
import type { LineState, Phase } from "./contract";
import type { EndReason } from "./errors";
import type { Link } from "./link";
import type { NoticeStore } from "./notices";
import type { Readable, Store } from "./store";
import { secondsLeft, warningBetween } from "./time-left";

const PING_MS = 10_000;
const RENEW_MS = 3 * 60_000;
const SYNC_MS = 30_000;
/** How often the end of a limited meeting is looked at. */
const TIME_MS = 5_000;
/** Unanswered heartbeats before the line is shown as bad, is dialled again, and is given up. */
const PONGS_BAD = 2;
const PONGS_REDIAL = 4;
const PONGS_GONE = 30;
/** How often the line itself is asked whether it is there, and how long it may take to say so. */
const PROBE_MS = 5_000;
const PROBE_ANSWER_MS = 4_000;

interface Around {
  readonly phase: Readable<Phase>;
  readonly line: Store<LineState>;
  readonly room: Readable<RoomInfo | null>;
  readonly notices: Pick<NoticeStore, "show">;
  link(): Link | null;
  token(): string;
  /** Whether the list of people was asked for before. */
  listed(): boolean;
  serverNow(): number;
  /** Whether the server answers by another way than the line. */
  reachable(): Promise<boolean>;
  send(event: ClientEvent): void;
  end(reason: EndReason): void;
}

export interface Heartbeat {
  start(): void;
  /** The server answered, or there is a new line to it. */
  heard(): void;
  stop(): void;
}

export function createHeartbeat(around: Around): Heartbeat {
  const { phase, line, room, notices, send, end } = around;
  const timers: ReturnType<typeof setInterval>[] = [];
  const offline = () => around.link()?.redial();
  let missed = 0;
  let left: number | null = null;
  let probing = false;

  function watchTime(): void {
    const state = room.getSnapshot()?.state;
    if (!state || phase.getSnapshot().at !== "meeting") return;
    const before = left;
    left = secondsLeft(state.startedAt, state.features.durationMinutes, around.serverNow());
    const minutes = warningBetween(before, left);
    if (minutes === null) return;
    const text = { key: "notice.timeLeft", values: { count: minutes } } as const;
    notices.show({ group: "time", level: "warning", text });
  }

  function ping(): void {
    const link = around.link();
    if (link?.status.getSnapshot() !== "open") return;
    missed += 1;
    link.sendNow({ kind: "ping" });
    if (missed > PONGS_GONE) end({ code: "server-silent", detail: "" });
    else if (missed > PONGS_BAD) line.set("unresponsive");
    if (missed % PONGS_REDIAL === 0) around.link()?.redial();
  }

  /** A line whose address changed is dead without a word: dialling again needs no patience where the server answers otherwise. */
  async function probe(): Promise<void> {
    const link = around.link();
    if (probing || link?.status.getSnapshot() !== "open") return;
    probing = true;
    try {
      // One that is refused goes to a line that is known to be down.
      const asked = link.roundTrip().then(
        () => true,
        () => true,
      );
      const isAnswered = (await Promise.race([asked, silence()])) || !(await around.reachable());
      if (!isAnswered && link === around.link()) link.redial();
    } finally {
      probing = false;
    }
  }

  return {
    start() {
      ping();
      timers.push(
        setInterval(ping, PING_MS),
        setInterval(() => void probe(), PROBE_MS),
        setInterval(watchTime, TIME_MS),
        setInterval(() => {
          if (line.getSnapshot() !== "reconnecting")
            send({ kind: "renew-token", token: around.token() });
        }, RENEW_MS),
        setInterval(() => {
          if (around.listed() && line.getSnapshot() === "good") send({ kind: "online-users" });
        }, SYNC_MS),
      );
      window.addEventListener("offline", offline);
    },
    heard: () => void (missed = 0),
    stop() {
      for (const timer of timers) clearInterval(timer);
      timers.length = 0;
      window.removeEventListener("offline", offline);
    },
  };
}

const silence = () =>
  new Promise<false>((done) => {
    setTimeout(() => done(false), PROBE_ANSWER_MS);
  });
