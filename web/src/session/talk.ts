/** What this person writes, until it is with the server, and the history of what was written before they came. */
import { encodeChat, encodeHistory, messageId, type ClientEvent } from "../wire/encode";
import type { ChatLine, ParticipantId, Person } from "../wire/types";
import type { ChatStore } from "./chat";
import { composeHtml } from "./compose";
import type { Session } from "./contract";
import type { Link } from "./link";
import { createPacer } from "./pacer";
import type { PeopleStore } from "./people";

/** How long an answer to a history request is accepted. */
const HISTORY_MS = 30_000;
const HISTORY_DONORS = 2;
/** Tells our own server to send what has become of the lines as well; others do not look at it. */
const HISTORY_WITH_MARKS = "plenum:marks";
/** Lines handed to a late joiner whose server keeps no history. */
const HISTORY_LINES = 500;
/** A little slower than our server takes lines (15 at once, 5 a second): what is too fast for it goes no further. */
const PACE = { burst: 10, everyMs: 250 };
/** A text on the wire, in characters. */
const MAX_TEXT = 8_000;

interface Around {
  readonly people: PeopleStore;
  readonly chat: ChatStore;
  link(): Link | null;
  me(): Person | undefined;
  now(): number;
  serverNow(): number;
  send(event: ClientEvent): void;
}

export interface Talk extends Pick<Session, "write" | "writeHtml" | "resend"> {
  askHistory(): void;
  answerHistory(to: ParticipantId): void;
  /** Whether they were asked for the history, a moment ago. */
  isAnswer(from: ParticipantId): boolean;
}

export function createTalk({ people, chat, link, me, now, serverNow, send }: Around): Talk {
  const asked = new Map<ParticipantId, number>();
  const paced = createPacer(PACE, now);

  async function put(own: ChatLine): Promise<void> {
    const line = link();
    if (!line) throw new Error("no line to the server");
    if (own.to === null) await line.publishChat(encodeChat(own));
    else await line.send({ kind: "private-chat", to: own.to, line: own });
  }

  async function deliver(own: ChatLine): Promise<void> {
    try {
      await paced(() => put(own));
      chat.mark(own.id, own.to, "sent");
    } catch {
      chat.mark(own.id, own.to, "failed");
    }
  }

  const writeHtml: Session["writeHtml"] = (conversation, html, replyTo) => {
    const person = me();
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
  };

  return {
    askHistory() {
      const from = me()?.id;
      if (from === undefined) return;
      const donors = [...people.getSnapshot().values()]
        .filter(({ waiting, online }) => !waiting && online)
        .toSorted((a, b) => a.joinedAt - b.joinedAt)
        .slice(0, HISTORY_DONORS);
      for (const { id: to } of donors) {
        asked.set(to, now());
        send({ kind: "private-data", to, from, data: "history-request", text: HISTORY_WITH_MARKS });
      }
    },
    isAnswer: (from) => now() - (asked.get(from) ?? -Infinity) <= HISTORY_MS,
    /** A server that keeps the history never forwards the question; others rely on us. */
    answerHistory(to) {
      const lines = chat.publicLines().slice(-HISTORY_LINES);
      const from = me()?.id;
      if (from === undefined || lines.length === 0 || !people.getSnapshot().has(to)) return;
      send({ kind: "private-data", to, from, data: "history", text: encodeHistory(lines) });
    },
    write: (conversation, text, replyTo) =>
      writeHtml(conversation, composeHtml(text.slice(0, MAX_TEXT)), replyTo),
    writeHtml,
    resend(entry) {
      const { delivery: _, system: __, refused: ___, ...own } = entry;
      chat.mark(own.id, own.to, "sending");
      void deliver(own);
    },
  };
}
