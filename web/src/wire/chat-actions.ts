/** What Plenum adds to the chat: changes to lines, and "is writing". Loaded with the meeting. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { WireError } from "./decode";
import { messageId } from "./encode";
import { ChatActionSchema, ChatMarksSchema } from "./gen/plugnmeet/chat_extensions_pb";
import { DataChannelMessageSchema, DataMsgBodyType } from "./gen/plugnmeet/messaging_pb";
import { participantId, type ParticipantId } from "./types";

/** The signs there are; the server takes no others. */
export const SIGNS = ["👍", "❤️", "😂", "🎉", "👏", "🙌", "😯"] as const;
export type Sign = (typeof SIGNS)[number];

export type Change =
  | { readonly kind: "edit"; readonly html: string }
  | { readonly kind: "remove" }
  | { readonly kind: "sign"; readonly sign: Sign; readonly on: boolean };

export interface ChatAction {
  readonly lineId: string;
  readonly change: Change;
  /** Milliseconds since the epoch, server time. */
  readonly at: number;
}

/** What has become of one line of the history. */
export interface ChatMark {
  readonly lineId: string;
  readonly replyTo: string | null;
  readonly editedAt: number;
  readonly removed: boolean;
  readonly signs: ReadonlyMap<Sign, readonly ParticipantId[]>;
  readonly html: string;
}

export const CHAT_ACTION = DataMsgBodyType.CHAT_ACTION;
export const CHAT_MARKS = DataMsgBodyType.CHAT_MARKS;
export const CHAT_TYPING = DataMsgBodyType.CHAT_TYPING;

const message = (
  type: DataMsgBodyType,
  from: ParticipantId,
  to: ParticipantId | null,
  binMessage?: Uint8Array,
): Uint8Array =>
  toBinary(
    DataChannelMessageSchema,
    create(DataChannelMessageSchema, {
      id: messageId(),
      type,
      fromUserId: from,
      ...(to === null ? {} : { toUserId: to }),
      ...(binMessage === undefined ? {} : { binMessage }),
    }),
  );

export const encodeTyping = (from: ParticipantId, to: ParticipantId | null): Uint8Array =>
  message(CHAT_TYPING, from, to);

function actionOf(change: Change) {
  switch (change.kind) {
    case "edit":
      return { case: "edit" as const, value: change.html };
    case "remove":
      return { case: "remove" as const, value: true };
    case "sign":
      return {
        case: "react" as const,
        value: { $typeName: "plugnmeet.ChatReaction" as const, emoji: change.sign, on: change.on },
      };
  }
}

export function encodeAction(
  from: ParticipantId,
  to: ParticipantId | null,
  lineId: string,
  change: Change,
): Uint8Array {
  const action = create(ChatActionSchema, { messageId: lineId, action: actionOf(change) });
  return message(CHAT_ACTION, from, to, toBinary(ChatActionSchema, action));
}

const signFrom = (emoji: string): Sign | null => SIGNS.find((sign) => sign === emoji) ?? null;

export function decodeAction(bytes: Uint8Array): ChatAction {
  const w = read(() => fromBinary(ChatActionSchema, bytes));
  const change = changeFrom(w.action);
  if (!change || w.messageId === "") throw new WireError("ChatAction");
  return { lineId: w.messageId, change, at: Number(w.at) };
}

type WireAction = ReturnType<typeof create<typeof ChatActionSchema>>["action"];

function changeFrom(action: WireAction): Change | null {
  if (action.case === "edit") return { kind: "edit", html: action.value };
  if (action.case === "remove") return { kind: "remove" };
  if (action.case !== "react") return null;
  const sign = signFrom(action.value.emoji);
  return sign === null ? null : { kind: "sign", sign, on: action.value.on };
}

export function decodeMarks(bytes: Uint8Array): readonly ChatMark[] {
  return read(() => fromBinary(ChatMarksSchema, bytes)).marks.map((mark) => ({
    lineId: mark.messageId,
    replyTo: mark.replyTo || null,
    editedAt: Number(mark.editedAt),
    removed: mark.removed,
    html: mark.message,
    signs: new Map(
      mark.reactions.flatMap(({ emoji, userIds }) => {
        const sign = signFrom(emoji);
        return sign === null ? [] : [[sign, userIds.map(participantId)] as const];
      }),
    ),
  }));
}

function read<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw new WireError("chat extension", cause);
  }
}
