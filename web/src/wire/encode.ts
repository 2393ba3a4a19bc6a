/** From our own types to the server's messages. */
import { create, toBinary, toJson, toJsonString } from "@bufbuild/protobuf";
import { CommonResponseSchema, VerifyTokenReqSchema } from "./gen/plugnmeet/common_pb";
import {
  ChatMessageSchema,
  DataChannelMessageSchema,
  DataMsgBodyType,
  NatsMsgClientToServerEvents as Event,
  NatsMsgClientToServerSchema,
  PrivateDataDeliverySchema,
  PrivateDataDeliveryType,
} from "./gen/plugnmeet/messaging_pb";
import { RoomEndReqSchema, RoomEndResSchema } from "./gen/plugnmeet/room_pb";
import { fromBinary } from "@bufbuild/protobuf";
import type { ChatLine, ParticipantId } from "./types";

export type ClientEvent =
  | { readonly kind: "initial-data" | "media-access" | "users" | "online-users" | "ping" }
  | { readonly kind: "renew-token"; readonly token: string }
  | { readonly kind: "raise-hand"; readonly text: string }
  | { readonly kind: "lower-hand" }
  | { readonly kind: "lower-hand-of"; readonly who: ParticipantId | "all" }
  | { readonly kind: "private-chat"; readonly to: ParticipantId; readonly line: ChatLine }
  /** An encoded data message to one person; the server sends it back as well when it has passed it on. */
  | {
      readonly kind: "private-activity";
      readonly to: ParticipantId;
      readonly bytes: Uint8Array;
      readonly echo: boolean;
    }
  | {
      readonly kind: "private-data";
      readonly to: ParticipantId;
      readonly from: ParticipantId;
      readonly data: "history-request" | "history";
      readonly text: string;
    };

/** A short random name for a message. Not a secret. */
export function messageId(): string {
  return crypto.randomUUID();
}

function chatMessage(line: ChatLine) {
  return create(ChatMessageSchema, {
    id: line.id,
    fromName: line.fromName,
    fromUserId: line.from,
    fromAdmin: line.fromAdmin,
    sentAt: BigInt(line.sentAt),
    isPrivate: line.to !== null,
    message: line.html,
    ...(line.to === null ? {} : { toUserId: line.to }),
    ...(line.replyTo === undefined ? {} : { replyTo: line.replyTo }),
  });
}

export const encodeChat = (line: ChatLine): Uint8Array =>
  toBinary(ChatMessageSchema, chatMessage(line));

/** A reaction as every client of the room reads it. */
export const encodeReaction = (
  emoji: string,
  by: { readonly id: ParticipantId; readonly name: string },
  createdAt: number,
): Uint8Array => {
  const id = messageId();
  const told = { id, emoji, fromUserId: by.id, fromName: by.name, createdAt };
  return toBinary(
    DataChannelMessageSchema,
    create(DataChannelMessageSchema, {
      id,
      type: DataMsgBodyType.REACTION,
      fromUserId: by.id,
      message: JSON.stringify(told),
    }),
  );
};

/** Public lines in the form a late joiner expects, who may know no field but the usual ones. */
export const encodeHistory = (lines: readonly ChatLine[]): string =>
  JSON.stringify(
    lines.map((line) => toJson(ChatMessageSchema, { ...chatMessage(line), replyTo: "" })),
  );

function parts(event: ClientEvent): { event: Event; msg?: string; binMsg?: Uint8Array } {
  switch (event.kind) {
    case "initial-data":
      return { event: Event.REQ_INITIAL_DATA };
    case "media-access":
      return { event: Event.REQ_MEDIA_SERVER_DATA };
    case "users":
      return { event: Event.REQ_JOINED_USERS_LIST };
    case "online-users":
      return { event: Event.REQ_ONLINE_USERS_LIST };
    case "ping":
      return { event: Event.PING };
    case "renew-token":
      return { event: Event.REQ_RENEW_PNM_TOKEN, msg: event.token };
    case "raise-hand":
      return { event: Event.REQ_RAISE_HAND, msg: event.text };
    case "lower-hand":
      return { event: Event.REQ_LOWER_HAND };
    case "lower-hand-of":
      return { event: Event.REQ_LOWER_OTHER_USER_HAND, msg: event.who };
    case "private-chat":
      return {
        event: Event.REQ_PRIVATE_DATA_DELIVERY,
        msg: delivery(event.to, PrivateDataDeliveryType.CHAT),
        binMsg: encodeChat(event.line),
      };
    case "private-activity":
      return {
        event: Event.REQ_PRIVATE_DATA_DELIVERY,
        msg: delivery(event.to, PrivateDataDeliveryType.DATA_MSG, event.echo),
        binMsg: event.bytes,
      };
    case "private-data":
      return {
        event: Event.REQ_PRIVATE_DATA_DELIVERY,
        msg: delivery(event.to, PrivateDataDeliveryType.DATA_MSG),
        binMsg: toBinary(
          DataChannelMessageSchema,
          create(DataChannelMessageSchema, {
            id: messageId(),
            type:
              event.data === "history"
                ? DataMsgBodyType.RES_PUBLIC_CHAT_DATA
                : DataMsgBodyType.REQ_PUBLIC_CHAT_DATA,
            fromUserId: event.from,
            toUserId: event.to,
            message: event.text,
          }),
        ),
      };
  }
}

const delivery = (
  toUserId: ParticipantId,
  type: PrivateDataDeliveryType,
  echoToSender = false,
): string =>
  toJsonString(
    PrivateDataDeliverySchema,
    create(PrivateDataDeliverySchema, { toUserId, type, echoToSender }),
  );

export function encodeClientEvent(event: ClientEvent): Uint8Array {
  const body = { id: messageId(), ...parts(event) };
  return toBinary(NatsMsgClientToServerSchema, create(NatsMsgClientToServerSchema, body));
}

export const encodeVerifyToken = (): Uint8Array<ArrayBuffer> =>
  owned(toBinary(VerifyTokenReqSchema, create(VerifyTokenReqSchema, { isProduction: true })));

export const encodeRoomEnd = (roomId: string): Uint8Array<ArrayBuffer> =>
  owned(toBinary(RoomEndReqSchema, create(RoomEndReqSchema, { roomId })));

export interface Outcome {
  readonly ok: boolean;
  readonly reason: string;
}

export function decodeRoomEnd(bytes: Uint8Array): Outcome {
  const w = fromBinary(RoomEndResSchema, bytes);
  return { ok: w.status, reason: w.msg };
}

export function decodeCommon(bytes: Uint8Array): Outcome {
  const w = fromBinary(CommonResponseSchema, bytes);
  return { ok: w.status, reason: w.msg };
}

/** `fetch` insists on a buffer of its own; the encoder's type does not promise one. */
const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);
