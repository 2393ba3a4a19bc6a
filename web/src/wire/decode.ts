/**
 * From the server's messages to our own types. Parsing is tolerant on purpose: a field added by a newer
 * server must never lock somebody out of a meeting.
 */
import {
  fromBinary,
  fromJsonString,
  type DescMessage,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  MediaServerConnInfoSchema,
  NatsKvUserInfoSchema,
  NatsSystemNotificationTypes,
  VerifyTokenResSchema,
  type NatsKvRoomInfo,
  type NatsKvUserInfo,
} from "./gen/plugnmeet/common_pb";
import {
  ChatMessageSchema,
  DataChannelMessageSchema,
  DataMsgBodyType,
  NatsInitialDataSchema,
  NatsMsgServerToClientEvents as Event,
  NatsMsgServerToClientSchema,
  NatsSystemNotificationSchema,
  NatsUserMetadataUpdateSchema,
  PrivateDataDeliverySchema,
  PrivateDataDeliveryType,
  type ChatMessage,
} from "./gen/plugnmeet/messaging_pb";
import {
  RoomMetadataSchema,
  UserMetadataSchema,
  type DisplayExternalLinkFeatures,
  type LockSettings,
  type RoomMetadata,
  type UserMetadata,
} from "./gen/plugnmeet/room_pb";
import {
  participantId,
  type ActivityState,
  type Admission,
  type ChatLine,
  type ExternalLink,
  type Locks,
  type MediaAccess,
  type NoticeLevel,
  type ParticipantId,
  type Person,
  type RoomInfo,
  type RoomState,
  type ServerNotice,
} from "./types";

/** Something on the wire that cannot be understood. `what` names the message, never its content. */
export class WireError extends Error {
  readonly code = "bad-message";
  constructor(what: string, cause?: unknown) {
    super(`could not read ${what}`, { cause });
  }
}

export type ServerEvent =
  | { readonly kind: "initial-data"; readonly room: RoomInfo; readonly me: Person }
  | { readonly kind: "users"; readonly people: readonly Person[]; readonly first: boolean }
  | { readonly kind: "media-access"; readonly access: MediaAccess }
  | { readonly kind: "room-state"; readonly state: RoomState }
  | { readonly kind: "person-state"; readonly id: ParticipantId; readonly state: PersonState }
  | { readonly kind: "joined" | "disconnected" | "offline"; readonly person: Person }
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "notice"; readonly notice: ServerNotice }
  | { readonly kind: "ended"; readonly reason: string }
  | { readonly kind: "system-chat"; readonly text: string; readonly id: string }
  | { readonly kind: "private-chat"; readonly line: ChatLine }
  | { readonly kind: "data"; readonly data: DataMessage; readonly privately: true }
  | { readonly kind: "activity"; readonly what: ActivityEvent; readonly text: string }
  | { readonly kind: "pong"; readonly serverTime: number }
  | { readonly kind: "other" };

export type ActivityEvent = "poll-created" | "poll-closed" | "breakout-invited" | "breakout-ended";

/** The part of a person that changes during a meeting. */
export type PersonState = Pick<
  Person,
  | "isAdmin"
  | "isPresenter"
  | "handRaisedAt"
  | "waiting"
  | "locks"
  | "held"
  | "preferredLanguage"
  | "waitsSince"
  | "note"
>;

export type DataKind =
  | "info"
  | "alert"
  | "history-request"
  | "history"
  | "quality"
  | "reaction"
  /** For what is loaded with the meeting: `type` says what it is. */
  | "activity"
  | "other";

export interface DataMessage {
  readonly kind: DataKind;
  readonly from: ParticipantId;
  readonly to: ParticipantId | null;
  readonly text: string;
  readonly type: number;
  readonly bytes: Uint8Array;
}

function json<D extends DescMessage>(schema: D, text: string): MessageShape<D> {
  try {
    return fromJsonString(schema, text, { ignoreUnknownFields: true });
  } catch (cause) {
    throw new WireError(schema.name, cause);
  }
}

function binary<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new WireError(schema.name, cause);
  }
}

export function locksFrom(w: LockSettings | undefined): Locks {
  return {
    microphone: w?.lockMicrophone,
    webcam: w?.lockWebcam,
    screenSharing: w?.lockScreenSharing,
    chat: w?.lockChat,
    chatSend: w?.lockChatSendMessage,
    chatFile: w?.lockChatFileShare,
    privateChat: w?.lockPrivateChat,
    whiteboard: w?.lockWhiteboard,
    notepad: w?.lockSharedNotepad,
    reactions: w?.lockReactions,
  };
}

function personStateFrom(w: UserMetadata): PersonState {
  return {
    isAdmin: w.isAdmin,
    isPresenter: w.isPresenter,
    handRaisedAt: w.raisedHand?.isRaised ? Number(w.raisedHand.raisedAt) : null,
    waiting: w.waitForApproval,
    locks: locksFrom(w.lockSettings),
    held: w.extraData["plenum_held"] === "true",
    waitsSince: Number(w.extraData["plenum_waits_since"]) || null,
    note: w.extraData["plenum_note"] ?? "",
    preferredLanguage: w.preferredLang ?? null,
  };
}

export function personFrom(w: NatsKvUserInfo): Person {
  const state = personStateFrom(json(UserMetadataSchema, w.metadata || "{}"));
  return {
    ...state,
    id: participantId(w.userId),
    name: w.name || w.userId,
    isAdmin: w.isAdmin || state.isAdmin,
    isPresenter: w.isPresenter || state.isPresenter,
    joinedAt: Number(w.joinedAt),
    online: true,
  };
}

/** Only `http` and `https` addresses may be offered as a way out. */
function webAddress(raw: string | undefined): string | null {
  if (!raw || !URL.canParse(raw)) return null;
  const { protocol } = new URL(raw);
  return protocol === "https:" || protocol === "http:" ? raw : null;
}

function activitiesFrom(w: RoomMetadata): ActivityState {
  const f = w.roomFeatures;
  const [chat, player] = [f?.chatFeatures, f?.externalMediaPlayerFeatures];
  const breakout = f?.breakoutRoomFeatures;
  return {
    files: {
      allowed: chat?.isAllowFileUpload ?? false,
      types: (chat?.allowedFileTypes ?? []).map((type) => type.toLowerCase()),
      maxMegabytes: Number(chat?.maxFileSize ?? 50n),
    },
    polls: {
      allowed: f?.pollsFeatures?.isAllow ?? false,
      active: f?.pollsFeatures?.isActive ?? false,
    },
    breakout: {
      allowed: (breakout?.isAllow ?? false) && !w.isBreakoutRoom,
      active: breakout?.isActive ?? false,
      maxRooms: breakout?.allowedNumberRooms ?? 0,
      parent: w.isBreakoutRoom ? w.parentRoomId : null,
      closesAt: Number(w.extraData["plenum_closes_at"]) || null,
    },
    player: {
      allowed: player?.isAllow ?? false,
      url: player?.isActive ? playable(player.url) : null,
      sharedBy: player?.isActive && player.sharedBy ? participantId(player.sharedBy) : null,
    },
    copyright: w.copyrightConf?.display ? w.copyrightConf.text || null : null,
  };
}

/** An address of the web, or a file of our own server. */
function playable(url: string | undefined): string | null {
  if (url?.startsWith("/") && !url.startsWith("//")) return url;
  return webAddress(url);
}

const idOf = (raw: string | undefined): ParticipantId | null => (raw ? participantId(raw) : null);

/** The server refuses anything but https; whoever sent this may not be our server. */
function externalLinkFrom(w: DisplayExternalLinkFeatures | undefined): ExternalLink | null {
  const url = w?.isActive ? webAddress(w.link) : null;
  if (!url?.startsWith("https:")) return null;
  return { url, sharedBy: idOf(w?.sharedBy) };
}

export function roomStateFrom(w: RoomMetadata): RoomState {
  const f = w.roomFeatures;
  return {
    title: w.roomTitle,
    welcome: w.welcomeMessage || null,
    recording: w.isRecording,
    broadcasting: w.isActiveRtmp,
    startedAt: Number(w.startedAt),
    logoutUrl: webAddress(w.logoutUrl),
    waitingMessage: f?.waitingRoomFeatures?.waitingRoomMsg ?? "",
    queue: (w.extraData["plenum_queue"] ?? "").split(",").flatMap((at) => Number(at) || []),
    features: {
      webcams: f?.allowWebcams ?? true,
      adminOnlyWebcams: f?.adminOnlyWebcams ?? false,
      screenShare: f?.allowScreenShare ?? true,
      muteOnStart: f?.muteOnStart ?? false,
      raiseHand: f?.allowRaiseHand ?? true,
      reactions: f?.allowReactions ?? true,
      waitingRoom: f?.waitingRoomFeatures?.isActive ?? false,
      externalLinks: f?.displayExternalLinkFeatures?.isAllow ?? true,
      chat: f?.chatFeatures?.isAllow ?? true,
      viewOtherWebcams: f?.allowViewOtherWebcams ?? true,
      viewUserList: f?.allowViewOtherUsersList ?? true,
      durationMinutes: Number(f?.roomDuration ?? 0n),
      encrypted: f?.endToEndEncryptionFeatures?.isEnabled ?? false,
      virtualBackgrounds: f?.allowVirtualBg ?? true,
    },
    defaultLocks: locksFrom(w.defaultLockSettings),
    activities: activitiesFrom(w),
    externalLink: externalLinkFrom(f?.displayExternalLinkFeatures),
    metadataId: w.metadataId ?? null,
    inviteCode: w.extraData["plenum_invite"] || null,
    spotlight: (w.extraData["plenum_spotlight"] ?? "").split(",").flatMap((raw) => idOf(raw) ?? []),
    selfUnmute: w.extraData["plenum_self_unmute"] !== "false",
    restingSince: Number(w.extraData["plenum_panic"]) || null,
    restingBy: idOf(w.extraData["plenum_panic_by"]),
    blocked: Number(w.extraData["plenum_blocked"]) || 0,
  };
}

function roomFrom(w: NatsKvRoomInfo): RoomInfo {
  return {
    id: w.roomId,
    sid: w.roomSid,
    createdAt: Number(w.createdAt),
    state: roomStateFrom(json(RoomMetadataSchema, w.metadata || "{}")),
  };
}

/** One unreadable person must not hide the others. */
function peopleFrom(text: string): readonly Person[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw new WireError("users list", cause);
  }
  if (!Array.isArray(list)) throw new WireError("users list");
  return list.flatMap((entry) => {
    try {
      return [personFrom(json(NatsKvUserInfoSchema, JSON.stringify(entry)))];
    } catch {
      return [];
    }
  });
}

function noticeLevel(type: NatsSystemNotificationTypes): NoticeLevel {
  switch (type) {
    case NatsSystemNotificationTypes.NATS_SYSTEM_NOTIFICATION_ERROR:
      return "error";
    case NatsSystemNotificationTypes.NATS_SYSTEM_NOTIFICATION_WARNING:
      return "warning";
    default:
      return "info";
  }
}

function mediaAccessFrom(text: string): MediaAccess {
  const w = json(MediaServerConnInfoSchema, text);
  if (!w.url || !w.token) throw new WireError("MediaServerConnInfo");
  const turn = w.turnCredentials;
  return {
    url: w.url,
    token: w.token,
    iceServers:
      turn && turn.uris.length > 0
        ? [{ urls: turn.uris, username: turn.username, credential: turn.password }]
        : [],
    relayOnly: turn?.forceTurn ?? false,
    relayAfter: turn?.fallbackTurn ? Number(turn.fallbackTimerDuration) : null,
  };
}

export function chatLineFrom(w: ChatMessage): ChatLine {
  return {
    id: w.id,
    from: participantId(w.fromUserId),
    fromName: w.fromName,
    fromAdmin: w.fromAdmin,
    to: w.isPrivate && w.toUserId ? participantId(w.toUserId) : null,
    sentAt: Number(w.sentAt),
    html: w.message,
    ...(w.replyTo === "" ? {} : { replyTo: w.replyTo }),
  };
}

export const decodeChat = (bytes: Uint8Array): ChatLine =>
  chatLineFrom(binary(ChatMessageSchema, bytes));

/** The public history as another member or the server tells it: a JSON array of chat messages. */
export function decodeHistory(text: string): readonly ChatLine[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw new WireError("chat history", cause);
  }
  if (!Array.isArray(list)) throw new WireError("chat history");
  return list.flatMap((entry) => {
    try {
      const line = chatLineFrom(json(ChatMessageSchema, JSON.stringify(entry)));
      return line.to === null && line.id !== "" ? [line] : [];
    } catch {
      return [];
    }
  });
}

const DATA_KINDS: Partial<Record<DataMsgBodyType, DataKind>> = {
  [DataMsgBodyType.INFO]: "info",
  [DataMsgBodyType.ALERT]: "alert",
  [DataMsgBodyType.REQ_PUBLIC_CHAT_DATA]: "history-request",
  [DataMsgBodyType.RES_PUBLIC_CHAT_DATA]: "history",
  [DataMsgBodyType.USER_CONNECTION_QUALITY_CHANGE]: "quality",
  [DataMsgBodyType.USER_VISIBILITY_CHANGE]: "activity",
  [DataMsgBodyType.EXTERNAL_MEDIA_PLAYER_EVENTS]: "activity",
  [DataMsgBodyType.NEW_POLL_RESPONSE]: "activity",
  [DataMsgBodyType.PUSH_JOIN_BREAKOUT_ROOM]: "activity",
  [DataMsgBodyType.CHAT_ACTION]: "activity",
  [DataMsgBodyType.CHAT_MARKS]: "activity",
  [DataMsgBodyType.CHAT_TYPING]: "activity",
  [DataMsgBodyType.REACTION]: "reaction",
};

export function decodeData(bytes: Uint8Array): DataMessage {
  const w = binary(DataChannelMessageSchema, bytes);
  return {
    kind: DATA_KINDS[w.type] ?? "other",
    from: participantId(w.fromUserId),
    to: w.toUserId ? participantId(w.toUserId) : null,
    text: w.message,
    type: w.type,
    bytes: w.binMessage ?? new Uint8Array(),
  };
}

export function decodeServerEvent(bytes: Uint8Array): ServerEvent {
  const { id, event, msg, binMsg } = binary(NatsMsgServerToClientSchema, bytes);
  switch (event) {
    case Event.RES_INITIAL_DATA: {
      const w = json(NatsInitialDataSchema, msg);
      if (!w.room || !w.localUser) throw new WireError("NatsInitialData");
      return { kind: "initial-data", room: roomFrom(w.room), me: personFrom(w.localUser) };
    }
    case Event.RES_JOINED_USERS_LIST:
      return { kind: "users", people: peopleFrom(msg), first: true };
    case Event.RESP_ONLINE_USERS_LIST:
      return { kind: "users", people: peopleFrom(msg), first: false };
    case Event.RES_MEDIA_SERVER_DATA:
      return { kind: "media-access", access: mediaAccessFrom(msg) };
    case Event.ROOM_METADATA_UPDATE:
      return { kind: "room-state", state: roomStateFrom(json(RoomMetadataSchema, msg)) };
    case Event.USER_METADATA_UPDATE: {
      const w = json(NatsUserMetadataUpdateSchema, msg);
      const state = personStateFrom(json(UserMetadataSchema, w.metadata));
      return { kind: "person-state", id: participantId(w.userId), state };
    }
    case Event.USER_JOINED:
      return { kind: "joined", person: personFrom(json(NatsKvUserInfoSchema, msg)) };
    case Event.USER_DISCONNECTED:
      return { kind: "disconnected", person: personFrom(json(NatsKvUserInfoSchema, msg)) };
    case Event.USER_OFFLINE:
      return { kind: "offline", person: personFrom(json(NatsKvUserInfoSchema, msg)) };
    case Event.RESP_RENEW_PNM_TOKEN:
      return { kind: "token", token: msg };
    case Event.SYSTEM_NOTIFICATION: {
      const w = json(NatsSystemNotificationSchema, msg);
      const notice = {
        level: noticeLevel(w.type),
        text: w.msg,
        withSound: w.withSound,
        details: binMsg.length > 0 ? binMsg : null,
      };
      return { kind: "notice", notice };
    }
    case Event.SESSION_ENDED:
      return { kind: "ended", reason: msg };
    case Event.SYSTEM_CHAT_MSG:
      return { kind: "system-chat", text: msg, id };
    case Event.DELIVERY_PRIVATE_DATA: {
      const w = json(PrivateDataDeliverySchema, msg);
      if (w.type === PrivateDataDeliveryType.CHAT) {
        return { kind: "private-chat", line: decodeChat(binMsg) };
      }
      if (w.type === PrivateDataDeliveryType.DATA_MSG) {
        return { kind: "data", data: decodeData(binMsg), privately: true };
      }
      return { kind: "other" };
    }
    case Event.POLL_CREATED:
      return { kind: "activity", what: "poll-created", text: msg };
    case Event.POLL_CLOSED:
      return { kind: "activity", what: "poll-closed", text: msg };
    case Event.JOIN_BREAKOUT_ROOM:
      return { kind: "activity", what: "breakout-invited", text: msg };
    case Event.BREAKOUT_ROOM_ENDED:
      return { kind: "activity", what: "breakout-ended", text: msg };
    case Event.PONG:
      return { kind: "pong", serverTime: Number(msg) };
    default:
      return { kind: "other" };
  }
}

/** What `verifyToken` answered: a way in, or the server's reason for refusing. */
export function decodeAdmission(
  bytes: Uint8Array,
):
  | { readonly ok: true; readonly admission: Admission }
  | { readonly ok: false; readonly reason: string } {
  const w = binary(VerifyTokenResSchema, bytes);
  if (!w.status) return { ok: false, reason: w.msg };
  const s = w.natsSubjects;
  if (!w.roomId || !w.userId || !w.roomStreamName || !s || w.natsWsUrls.length === 0) {
    throw new WireError("VerifyTokenRes");
  }
  return {
    ok: true,
    admission: {
      natsUrls: w.natsWsUrls,
      roomId: w.roomId,
      me: participantId(w.userId),
      stream: w.roomStreamName,
      subjects: {
        jsWorker: s.systemJsWorker,
        systemPublic: s.systemPublic,
        chat: s.chat,
        dataChannel: s.dataChannel,
      },
      serverVersion: w.serverVersion ?? null,
    },
  };
}
