/**
 * Private conversations through a reload of the page; the server keeps none. They are in the tab's own storage, which
 * goes with the tab.
 */
import { keep, kept, type Store } from "../../kit/tab-storage";
import type { ChatState, Entry, PastConversation } from "../../session/chat";
import { participantId } from "../../wire/types";

const PREFIX = "plenum.private.";
/** Of each conversation, its newest. */
const MAX_LINES = 200;
const MAX_CONVERSATIONS = 30;

export const keyFor = (sid: string, me: string): string => `${PREFIX}${sid}.${me}`;

export function load(storage: Store | null, key: string): readonly PastConversation[] {
  const list = kept(storage, key);
  return Array.isArray(list) ? list.flatMap((entry) => conversationFrom(entry) ?? []) : [];
}

export function save(storage: Store | null, key: string, state: ChatState): void {
  const conversations = privateOf(state)
    .slice(-MAX_CONVERSATIONS)
    .map(([id, entries]) => ({
      id,
      name: state.names.get(id) ?? id,
      unread: state.unread.get(id) ?? 0,
      entries: entries
        .slice(-MAX_LINES)
        .map(({ signs, ...entry }) => ({ ...entry, ...(signs && { signs: [...signs] }) })),
    }));
  keep(storage, key, conversations);
}

/** The private conversations in which something was said. */
export const privateOf = ({ conversations }: ChatState) =>
  [...conversations].flatMap(([id, entries]) =>
    id === null || entries.length === 0 ? [] : [[id, entries] as const],
  );

/** Only what has the right shape; anything may stand in a storage. */
function conversationFrom(raw: unknown): PastConversation | null {
  const { id, name, unread, entries } = fieldsOf(raw);
  if (typeof id !== "string" || typeof name !== "string" || !Array.isArray(entries)) return null;
  return {
    id: participantId(id),
    name,
    unread: typeof unread === "number" ? unread : 0,
    entries: entries.flatMap((entry) => entryFrom(entry) ?? []),
  };
}

function entryFrom(raw: unknown): Entry | null {
  const { id, from, fromName, fromAdmin, to, sentAt, html, ...more } = fieldsOf(raw);
  const words = [id, from, fromName, to, html];
  if (!words.every((word) => typeof word === "string") || typeof sentAt !== "number") return null;
  const { replyTo, editedAt, removed, signs, delivery } = more;
  return {
    id: id as string,
    from: participantId(from as string),
    fromName: fromName as string,
    fromAdmin: fromAdmin === true,
    to: participantId(to as string),
    sentAt,
    html: html as string,
    // What was on its way may have been lost; whoever sends it again sends it under the same name.
    delivery: delivery === "received" || delivery === "sent" ? delivery : "failed",
    system: false,
    ...(typeof replyTo === "string" ? { replyTo } : {}),
    ...(typeof editedAt === "number" ? { editedAt } : {}),
    ...(removed === true ? { removed } : {}),
    ...(Array.isArray(signs)
      ? { signs: new Map(signs.flatMap((sign) => signFrom(sign) ?? [])) }
      : {}),
  };
}

function signFrom(raw: unknown) {
  if (!Array.isArray(raw)) return null;
  const [sign, who] = raw as unknown[];
  if (typeof sign !== "string" || !Array.isArray(who)) return null;
  const people = who.flatMap((id) => (typeof id === "string" ? [participantId(id)] : []));
  return [[sign, people] as const];
}

const fieldsOf = (raw: unknown): Record<string, unknown> =>
  typeof raw === "object" && raw !== null ? (raw as Record<string, unknown>) : {};
