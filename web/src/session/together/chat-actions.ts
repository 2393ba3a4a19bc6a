/**
 * Changes to lines of the chat and who is writing. What somebody does is shown once it comes back from the
 * server: a change that does not come back was refused, and is said to have failed.
 */
import {
  CHAT_ACTION,
  CHAT_MARKS,
  CHAT_TYPING,
  decodeAction,
  decodeMarks,
  encodeAction,
  encodeTyping,
  type Change,
  type ChatMark,
  type Sign,
} from "../../wire/chat-actions";
import { WireError, type DataMessage } from "../../wire/decode";
import type { ParticipantId } from "../../wire/types";
import type { ConversationId, Entry } from "../chat";
import { composeHtml } from "../compose";
import type { Session } from "../session";
import { createStore, type Readable } from "../store";

/** Who is writing where. */
export type Typing = ReadonlyMap<ConversationId, ReadonlySet<ParticipantId>>;

export interface ChatActions {
  readonly typing: Readable<Typing>;
  /** If it comes to nothing, the words are given back as what the next message is about. */
  edit(entry: Entry, text: string): void;
  remove(entry: Entry): void;
  /** Puts my sign under a line, or takes it back. */
  sign(entry: Entry, sign: Sign): void;
  /** I am writing. Said as often as it is true; told to others now and then, and when a line begins. */
  write(conversation: ConversationId): void;
  /** `true` if the message was about the chat. */
  hear(data: DataMessage, privately: boolean): boolean;
  /** Begins to listen; returns the way to end, for good. */
  begin(): () => void;
}

/** How long the server may take to carry out a change. */
const ECHO_MS = 8_000;
/** Others hear this often that somebody writes, and believe it for a little longer. */
const TYPING_EVERY_MS = 3_000;
const TYPING_LASTS_MS = 5_000;
/** Longest line, in characters. */
const MAX_HTML = 64 * 1024;
/** A text on the wire, in characters. */
const MAX_TEXT = 8_000;

type Timer = ReturnType<typeof setTimeout>;

interface Writer {
  readonly timer: Timer;
  /** Their newest line when they began: another one is what they have written. */
  readonly newest: string | undefined;
}

export function createChatActions(session: Session): ChatActions {
  const { chat, people, notices } = session;
  const typing = createStore<Typing>(new Map());
  const expected = new Map<string, Timer>();
  const writers = new Map<string, Writer>();
  const told = new Map<
    ConversationId,
    { readonly at: number; readonly newest: string | undefined }
  >();

  const conversationOf = (entry: Entry): ConversationId => {
    if (entry.to === null) return null;
    return entry.from === session.me() ? entry.to : entry.from;
  };
  const newestOf = (from: ParticipantId, conversation: ConversationId): string | undefined =>
    chat
      .getSnapshot()
      .conversations.get(conversation)
      ?.findLast((entry) => entry.from === from)?.id;
  const writerKey = (from: ParticipantId, conversation: ConversationId) =>
    `${conversation ?? ""} ${from}`;
  const keyOf = (lineId: string, change: Change) =>
    `${change.kind}:${change.kind === "sign" ? change.sign : ""}:${lineId}`;

  function act(entry: Entry, change: Change, onFailed: () => void = () => undefined): void {
    const me = session.me();
    if (me === null) return;
    const to = conversationOf(entry);
    const bytes = encodeAction(me, to, entry.id, change);
    if (to === null) session.publishData(bytes);
    else session.sendPrivately(to, bytes, true);
    const key = keyOf(entry.id, change);
    clearTimeout(expected.get(key));
    expected.set(
      key,
      setTimeout(() => {
        expected.delete(key);
        onFailed();
        notices.show({ group: "chat-change", level: "error", text: { key: "chat.notChanged" } });
      }, ECHO_MS),
    );
  }

  /** The words of an edit that came to nothing are back in the box, unless that is about something else by now. */
  function giveBack(entry: Entry, text: string): void {
    const conversation = conversationOf(entry);
    if (chat.intents.getSnapshot().has(conversation)) return;
    chat.intend(conversation, { kind: "edit", entry, text });
  }

  /** It came about after all, and nothing was changed in the words that were given back. */
  function takeBack(lineId: string, html: string, conversation: ConversationId): void {
    const intent = chat.intents.getSnapshot().get(conversation);
    if (intent?.kind !== "edit" || intent.entry.id !== lineId) return;
    if (composed(intent.text) === html) chat.intend(conversation, null);
  }

  /** Whether whoever sent a change may do it to this line; the server has looked at public ones already. */
  const isTheirs = (entry: Entry, from: ParticipantId, change: Change): boolean => {
    if (change.kind === "sign" || entry.from === from) return true;
    return (
      change.kind === "remove" &&
      entry.to === null &&
      (people.getSnapshot().get(from)?.isAdmin ?? false)
    );
  };

  function onAction(data: DataMessage, conversation: ConversationId): void {
    const { lineId, change, at } = decodeAction(data.bytes);
    if (data.from === session.me()) {
      const key = keyOf(lineId, change);
      clearTimeout(expected.get(key));
      expected.delete(key);
      if (change.kind === "edit") takeBack(lineId, change.html, conversation);
    }
    chat.change(lineId, conversation, (entry) =>
      entry.system || entry.removed || !isTheirs(entry, data.from, change)
        ? entry
        : changed(entry, data.from, change, at || entry.sentAt),
    );
  }

  function onTyping(from: ParticipantId, conversation: ConversationId): void {
    if (from === session.me() || !people.getSnapshot().has(from)) return;
    const key = writerKey(from, conversation);
    clearTimeout(writers.get(key)?.timer);
    writers.set(key, {
      timer: setTimeout(() => still(from, conversation), TYPING_LASTS_MS),
      newest: newestOf(from, conversation),
    });
    typing.update((now) => {
      const there = now.get(conversation) ?? new Set();
      return there.has(from) ? now : new Map(now).set(conversation, new Set([...there, from]));
    });
  }

  function still(from: ParticipantId, conversation: ConversationId): void {
    const key = writerKey(from, conversation);
    clearTimeout(writers.get(key)?.timer);
    writers.delete(key);
    typing.update((now) => {
      const there = now.get(conversation);
      if (!there?.has(from)) return now;
      const others = new Set([...there].filter((id) => id !== from));
      return new Map(now).set(conversation, others);
    });
  }

  /** Whoever has just sent a line does not write it any more. */
  const look = () => {
    for (const [conversation, there] of typing.getSnapshot()) {
      for (const from of there) {
        const began = writers.get(writerKey(from, conversation));
        if (began?.newest !== newestOf(from, conversation)) still(from, conversation);
      }
    }
  };

  return {
    typing,
    edit(entry, text) {
      const html = composed(text);
      if (html === "" || html === entry.html) return;
      act(entry, { kind: "edit", html }, () => giveBack(entry, text));
    },
    remove: (entry) => act(entry, { kind: "remove" }),
    sign(entry, sign) {
      const me = session.me();
      const on = me !== null && !entry.signs?.get(sign)?.includes(me);
      act(entry, { kind: "sign", sign, on });
    },
    write(conversation) {
      const me = session.me();
      if (me === null) return;
      const now = Date.now();
      const newest = newestOf(me, conversation);
      const last = told.get(conversation);
      // Others take a line for the end of writing, so the next one is told of at once.
      if (last && now - last.at < TYPING_EVERY_MS && last.newest === newest) return;
      told.set(conversation, { at: now, newest });
      const bytes = encodeTyping(me, conversation);
      if (conversation === null) session.publishData(bytes);
      else session.sendPrivately(conversation, bytes, false);
    },
    hear(data, privately) {
      const conversation = privately ? (data.from === session.me() ? data.to : data.from) : null;
      // To somebody else, or privately to nobody: not for us.
      if (!privately && data.to !== null) return false;
      if (privately && conversation === null) return false;
      try {
        if (data.type === CHAT_ACTION) onAction(data, conversation);
        else if (data.type === CHAT_TYPING) onTyping(data.from, conversation);
        else if (data.type === CHAT_MARKS && privately) onMarks(session, decodeMarks(data.bytes));
        else return false;
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
      return true;
    },
    begin() {
      const stop = chat.subscribe(look);
      return () => {
        stop();
        for (const timer of expected.values()) clearTimeout(timer);
        for (const { timer } of writers.values()) clearTimeout(timer);
      };
    },
  };
}

const composed = (text: string): string => composeHtml(text.slice(0, MAX_TEXT));

/** What a line is after a change. */
export function changed(entry: Entry, from: ParticipantId, change: Change, at: number): Entry {
  switch (change.kind) {
    case "edit":
      return change.html.length > MAX_HTML ? entry : { ...entry, html: change.html, editedAt: at };
    case "remove":
      return { ...entry, html: "", removed: true, signs: new Map() };
    case "sign": {
      const others = (entry.signs?.get(change.sign) ?? []).filter((id) => id !== from);
      const now = change.on ? [...others, from] : others;
      const signs = new Map(entry.signs).set(change.sign, now);
      if (now.length === 0) signs.delete(change.sign);
      return { ...entry, signs };
    }
  }
}

/** The server's word on lines of the public chat. */
function onMarks({ chat }: Session, marks: readonly ChatMark[]): void {
  for (const mark of marks) {
    chat.change(mark.lineId, null, (entry) => ({
      ...entry,
      ...(mark.replyTo === null ? {} : { replyTo: mark.replyTo }),
      ...(mark.removed
        ? { removed: true, html: "", signs: new Map() }
        : {
            signs: mark.signs,
            ...(mark.editedAt > 0 ? { html: mark.html, editedAt: mark.editedAt } : {}),
          }),
    }));
  }
}
