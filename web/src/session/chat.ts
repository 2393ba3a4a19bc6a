/** Conversations: one public, one per person written to. Knows nothing of React or of the network. */
import type { TextKey } from "../i18n/keys";
import type { ChatLine, ParticipantId } from "../wire/types";
import { createStore, type Readable } from "./store";

/** `null` is the public conversation. */
export type ConversationId = ParticipantId | null;

export type Delivery = "received" | "sending" | "sent" | "failed";

export interface Entry extends ChatLine {
  readonly delivery: Delivery;
  /** Why the server did not pass it on, where it said so. */
  readonly refused?: TextKey;
  /** Said by the meeting itself, not by a person. */
  readonly system: boolean;
  /** Milliseconds since the epoch. */
  readonly editedAt?: number;
  /** Its author or a host took it back. */
  readonly removed?: boolean;
  /** Who put which sign under it. */
  readonly signs?: ReadonlyMap<string, readonly ParticipantId[]>;
}

export interface ChatState {
  readonly conversations: ReadonlyMap<ConversationId, readonly Entry[]>;
  readonly unread: ReadonlyMap<ConversationId, number>;
  /** The first line that was unread when a conversation was last opened. */
  readonly newFrom: ReadonlyMap<ConversationId, string>;
  /** The conversation that is chosen, also while the chat is out of sight. */
  readonly current: ConversationId;
  readonly visible: boolean;
  /** The names of people written with, kept after they leave. */
  readonly names: ReadonlyMap<ParticipantId, string>;
}

/** A private conversation as it is remembered. */
export interface PastConversation {
  readonly id: ParticipantId;
  readonly name: string;
  readonly unread: number;
  readonly entries: readonly Entry[];
}

export type Drafts = ReadonlyMap<ConversationId, string>;

/** What the next message is about; what is edited has words of its own, and the draft waits meanwhile. */
export type Intent =
  | { readonly kind: "reply"; readonly entry: Entry }
  | { readonly kind: "edit"; readonly entry: Entry; readonly text: string };

export type Intents = ReadonlyMap<ConversationId, Intent>;

/** Lines kept per conversation; older ones fall away. */
const MAX_LINES = 2_000;
/** Longest line taken from the wire, in characters. */
const MAX_LINE_LENGTH = 64 * 1024;

const EMPTY: ChatState = {
  conversations: new Map([[null, []]]),
  unread: new Map(),
  newFrom: new Map(),
  current: null,
  visible: false,
  names: new Map(),
};

export interface ChatStore extends Readable<ChatState> {
  /** What is typed and not sent yet, kept while its box is out of sight. */
  readonly drafts: Readable<Drafts>;
  draft(conversation: ConversationId, text: string): void;
  /** What the next message of a conversation is about, kept like its draft. */
  readonly intents: Readable<Intents>;
  intend(conversation: ConversationId, intent: Intent | null): void;
  receive(line: ChatLine): void;
  /** A line that is not from a person, such as the room's welcome. */
  receiveSystem(id: string, html: string, sentAt: number): void;
  /** Older lines, told by the server or another member. Never counts as unread. */
  merge(lines: readonly ChatLine[]): void;
  /** Takes up again a private conversation of an earlier look at the same meeting. */
  restore(past: PastConversation): void;
  addOwn(line: ChatLine): void;
  /** How a line of my own is doing; that it arrived does not undo what the server said of it meanwhile. */
  mark(id: string, conversation: ConversationId, delivery: Delivery): void;
  /** The server did not pass on a line of mine. */
  refuse(id: string, why: TextKey): void;
  /** Replaces a line by what `change` makes of it; nothing happens to a line that is not there. */
  change(id: string, conversation: ConversationId, change: (entry: Entry) => Entry): void;
  /** Begins a private conversation without writing yet. */
  begin(id: ParticipantId, name: string): void;
  /** Chooses a conversation. */
  show(conversation: ConversationId): void;
  /** Whether the chosen conversation can be seen; what is seen is not unread. */
  setVisible(visible: boolean): void;
  publicLines(): readonly ChatLine[];
}

export function createChatStore(me: () => ParticipantId | null): ChatStore {
  const store = createStore<ChatState>(EMPTY);
  const drafts = createStore<Drafts>(new Map());
  const intents = createStore<Intents>(new Map());

  const conversationOf = (line: ChatLine): ConversationId =>
    line.to === null ? null : line.from === me() ? line.to : line.from;

  /** Adds what is not there yet; says whether anything was. */
  const insert = (state: ChatState, conversation: ConversationId, entries: readonly Entry[]) => {
    const now = state.conversations.get(conversation) ?? [];
    const known = new Set(now.map(({ id }) => id));
    const fresh = entries.filter(
      ({ id, html }) => !known.has(id) && html.length <= MAX_LINE_LENGTH,
    );
    if (fresh.length === 0) return state;
    const lines = [...now, ...fresh].toSorted((a, b) => a.sentAt - b.sentAt).slice(-MAX_LINES);
    return { ...state, conversations: new Map(state.conversations).set(conversation, lines) };
  };

  const change: ChatStore["change"] = (id, conversation, how) =>
    store.update((state) => {
      const lines = state.conversations.get(conversation);
      if (!lines?.some((entry) => entry.id === id)) return state;
      const changed = lines.map((entry) => (entry.id === id ? how(entry) : entry));
      return { ...state, conversations: new Map(state.conversations).set(conversation, changed) };
    });

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    drafts,
    draft(conversation, text) {
      const next = new Map(drafts.getSnapshot());
      if (text === "") next.delete(conversation);
      else next.set(conversation, text);
      drafts.set(next);
    },
    intents,
    intend(conversation, intent) {
      const next = new Map(intents.getSnapshot());
      if (intent === null) next.delete(conversation);
      else next.set(conversation, intent);
      intents.set(next);
    },
    receive(line) {
      const conversation = conversationOf(line);
      store.update((state) => {
        const entry: Entry = { ...line, delivery: "received", system: false };
        const next = insert(state, conversation, [entry]);
        if (next === state) return state;
        const names =
          conversation === null
            ? state.names
            : new Map(state.names).set(conversation, line.fromName);
        const seen = state.visible && state.current === conversation;
        if (seen || line.from === me()) return { ...next, names };
        const before = state.unread.get(conversation) ?? 0;
        const unread = new Map(state.unread).set(conversation, before + 1);
        const newFrom = before > 0 ? state.newFrom : withNew(state, conversation, line.id);
        return { ...next, names, unread, newFrom };
      });
    },
    receiveSystem(id, html, sentAt) {
      const from = "system" as ParticipantId;
      store.update((state) => {
        const entry: Entry = {
          id,
          from,
          fromName: "",
          fromAdmin: false,
          to: null,
          sentAt,
          html,
          delivery: "received",
          system: true,
        };
        return insert(state, null, [entry]);
      });
    },
    merge(lines) {
      store.update((state) =>
        insert(
          state,
          null,
          lines
            .filter((line) => line.to === null && line.from !== "system")
            .map((line) => ({ ...line, delivery: "received" as const, system: false })),
        ),
      );
    },
    restore({ id, name, unread, entries }) {
      store.update((state) => {
        const next = insert(state, id, entries);
        if (next === state) return state;
        return asSeen({
          ...next,
          names: new Map(state.names).set(id, state.names.get(id) ?? name),
          unread:
            unread === 0
              ? state.unread
              : new Map(state.unread).set(id, unread + (state.unread.get(id) ?? 0)),
        });
      });
    },
    addOwn(line) {
      store.update((state) =>
        insert(state, line.to, [{ ...line, delivery: "sending", system: false }]),
      );
    },
    mark: (id, conversation, delivery) =>
      change(id, conversation, ({ refused, ...entry }) =>
        delivery === "sent" && refused !== undefined
          ? { ...entry, refused }
          : { ...entry, delivery },
      ),
    refuse(id, why) {
      for (const conversation of store.getSnapshot().conversations.keys()) {
        change(id, conversation, (entry) =>
          entry.from === me() ? { ...entry, delivery: "failed", refused: why } : entry,
        );
      }
    },
    change,
    begin(id, name) {
      store.update((state) => ({
        ...state,
        names: new Map(state.names).set(id, name),
        conversations: state.conversations.has(id)
          ? state.conversations
          : new Map(state.conversations).set(id, []),
      }));
    },
    show: (current) => store.update((state) => asSeen({ ...state, current })),
    setVisible: (visible) => store.update((state) => asSeen({ ...state, visible })),
    publicLines: () =>
      (store.getSnapshot().conversations.get(null) ?? []).filter(
        ({ system, removed }) => !system && !removed,
      ),
  };
}

const withNew = (state: ChatState, conversation: ConversationId, id: string) =>
  new Map(state.newFrom).set(conversation, id);

/** What is in front of somebody's eyes counts as read. */
function asSeen(state: ChatState): ChatState {
  if (!state.visible || !state.unread.has(state.current)) return state;
  const unread = new Map(state.unread);
  unread.delete(state.current);
  return { ...state, unread };
}

export const totalUnread = (state: ChatState): number =>
  [...state.unread.values()].reduce((sum, count) => sum + count, 0);
