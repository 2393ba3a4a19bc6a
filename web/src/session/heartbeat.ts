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

  return {
    start() {
      ping();
      timers.push(
        setInterval(ping, PING_MS),
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
