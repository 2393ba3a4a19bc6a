/** What a visit says of what happens: who comes, goes, waits or raises a hand, and what the server and hosts tell. */
import type { TextKey } from "../i18n/keys";
import type { NoticeLevel, Person, RoomState, ServerNotice } from "../wire/types";
import type { Alert } from "./alerts";
import type { ChatStore } from "./chat";
import type { Media } from "./media";
import type { NoticeStore } from "./notices";
import type { Switches } from "./switches";

/** How long after a raised hand the server's notice of it may arrive. */
const HAND_ECHO_MS = 5_000;
/** Longest notice shown, in characters. */
const MAX_NOTICE = 300;

interface Around {
  readonly notices: NoticeStore;
  readonly media: Media;
  readonly switches: Switches;
  readonly chat: ChatStore;
  me(): Person | undefined;
  room(): RoomState | undefined;
  inMeeting(): boolean;
  ended(): boolean;
  now(): number;
  serverNow(): number;
}

export interface Sayings {
  /** Somebody's arrival, inside or outside. */
  arrived(person: Person): void;
  left(person: Person): void;
  handRaised(person: Person): void;
  presents(person: Person, isMe: boolean): void;
  changed(before: RoomState, after: RoomState): void;
  systemChat(): void;
  notice(notice: ServerNotice): void;
  /** Somebody else's words, unless there are none. */
  say(level: NoticeLevel, text: string, alert?: Alert | null): void;
}

export function createSayings(around: Around): Sayings {
  const { notices, now } = around;
  /** When whose hand was said to be up. */
  const handsUp = new Map<string, number>();

  const say: Sayings["say"] = (level, text, alert = null) => {
    const plain = text.trim().slice(0, MAX_NOTICE);
    if (plain !== "") notices.show({ level, text: { plain }, alert });
  };

  const moved = (move: "joined" | "left", person: Person) => {
    if (!around.inMeeting()) return;
    notices.show({ group: move, about: person, text: { key: `notice.${move}` }, alert: move });
  };

  /** What a host did or asks, in the reader's language; else in the words it came with. */
  async function fromHost(details: Uint8Array, sayPlain: () => void): Promise<void> {
    const { media, switches, chat, room, serverNow } = around;
    try {
      const { showHostNotice } = await import("./host-notices");
      const means = { notices, media, chat, room, switchOn: switches.on, serverNow };
      if (!around.ended() && !showHostNotice(details, means)) sayPlain();
    } catch {
      // What cannot be fetched now is said in English.
      sayPlain();
    }
  }

  return {
    arrived(person) {
      if (!person.waiting) return moved("joined", person);
      if (!around.inMeeting()) return;
      notices.show({
        group: "waiting",
        about: person,
        text: { key: "notice.waiting" },
        alert: "waiting",
        panel: "waiting",
      });
    },
    left(person) {
      if (!person.waiting) moved("left", person);
    },
    handRaised(person) {
      handsUp.set(person.name, now());
      const forMe = around.me()?.isAdmin ?? false;
      notices.show({
        group: "hand",
        about: person,
        text: { key: "notice.handRaised" },
        alert: forMe ? "hand" : null,
        panel: forMe ? "people" : null,
      });
    },
    presents({ name }, isMe) {
      if (!around.inMeeting()) return;
      const text = isMe
        ? ({ key: "notice.youArePresenter" } as const)
        : ({ key: "notice.presents", values: { name } } as const);
      notices.show({ group: "presenter", text });
    },
    changed(before, after) {
      const warn = (group: string, key: TextKey) =>
        notices.show({ group, level: "warning", text: { key } });
      if (before.recording !== after.recording)
        warn("recording", `notice.recording${after.recording ? "Started" : "Stopped"}`);
      if (before.broadcasting !== after.broadcasting)
        warn("live", `notice.live${after.broadcasting ? "Started" : "Stopped"}`);
    },
    systemChat() {
      notices.show({
        group: "system-chat",
        text: { key: "notice.systemChat" },
        alert: "message",
        panel: "chat",
      });
    },
    /** Hosts are also told of raised hands in the raiser's own words; once, in our words, is enough. */
    notice({ level, text, withSound, details }) {
      if (details !== null) return void fromHost(details, () => say(level, text));
      for (const [name, when] of handsUp) {
        if (now() - when > HAND_ECHO_MS) handsUp.delete(name);
        else if (level === "info" && text.includes(name)) return;
      }
      say(level, text, withSound ? "message" : null);
    },
    say,
  };
}
