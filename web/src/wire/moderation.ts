/** What hosts ask of the server, as the bodies of `/api` calls. Loaded with the meeting, not before. */
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  ApproveWaitingUsersReqSchema,
  ExternalDisplayLinkReqSchema,
  ExternalDisplayLinkTask,
  MuteUnMuteTrackReqSchema,
  RemoveParticipantReqSchema,
  SwitchPresenterReqSchema,
  SwitchPresenterTask,
  UpdateUserLockSettingsReqSchema,
  UpdateWaitingRoomMessageReqSchema,
} from "./gen/plugnmeet/common_pb";
import {
  AskReqSchema,
  BlockedReqSchema,
  BlockedResSchema,
  Device,
  LobbyReqSchema,
  MuteAllReqSchema,
  PanicReqSchema,
  SelfUnmuteReqSchema,
  SpotlightReqSchema,
  StopReqSchema,
  UnblockReqSchema,
} from "./gen/plenum/meeting_pb";
import type { HostedDevice } from "./host-notice";
import { participantId, type LockName, type ParticipantId } from "./types";

/** Everybody instead of one person. */
export const ALL = "all";
export type Target = ParticipantId | typeof ALL;

/** Where a request belongs. */
export interface RoomKeys {
  readonly roomId: string;
  readonly sid: string;
}

export interface Request {
  /** Below `/api/`. */
  readonly path: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** The wire's own words for the ten locks. */
const SERVICES: Readonly<Record<LockName, string>> = {
  microphone: "mic",
  webcam: "webcam",
  screenSharing: "screenShare",
  chat: "chat",
  chatSend: "sendChatMsg",
  chatFile: "chatFile",
  privateChat: "privateChat",
  whiteboard: "whiteboard",
  notepad: "sharedNotepad",
  reactions: "reactions",
};

function request<D extends DescMessage>(path: string, schema: D, body: MessageInitShape<D>) {
  return { path, body: new Uint8Array(toBinary(schema, create(schema, body))) };
}

export const lockRequest = (
  { roomId, sid }: RoomKeys,
  lock: LockName,
  on: boolean,
  userId: Target,
): Request =>
  request("updateLockSettings", UpdateUserLockSettingsReqSchema, {
    roomId,
    roomSid: sid,
    userId,
    service: SERVICES[lock],
    direction: on ? "lock" : "unlock",
  });

export const muteRequest = ({ roomId, sid }: RoomKeys, userId: ParticipantId): Request =>
  request("muteUnmuteTrack", MuteUnMuteTrackReqSchema, { roomId, sid, userId, muted: true });

export const removeRequest = (
  { roomId, sid }: RoomKeys,
  userId: ParticipantId,
  { waiting, block }: { readonly waiting: boolean; readonly block: boolean },
): Request =>
  request("removeParticipant", RemoveParticipantReqSchema, {
    roomId,
    sid,
    userId,
    msg: waiting ? "notifications.you-have-reject" : "notifications.you-have-removed",
    blockUser: block,
  });

/** Taken from somebody, it goes to whoever asks. */
export const presenterRequest = (
  { roomId }: RoomKeys,
  userId: ParticipantId,
  on: boolean,
): Request =>
  request("switchPresenter", SwitchPresenterReqSchema, {
    roomId,
    userId,
    task: on ? SwitchPresenterTask.PROMOTE : SwitchPresenterTask.DEMOTE,
  });

export const approveRequest = ({ roomId }: RoomKeys, userId: Target): Request =>
  request("waitingRoom/approveUsers", ApproveWaitingUsersReqSchema, { roomId, userId });

export const waitingMessageRequest = ({ roomId }: RoomKeys, msg: string): Request =>
  request("waitingRoom/updateMsg", UpdateWaitingRoomMessageReqSchema, { roomId, msg });

/** `null` takes the page away. */
export const externalLinkRequest = ({ roomId }: RoomKeys, url: string | null): Request =>
  request("externalDisplayLink", ExternalDisplayLinkReqSchema, {
    roomId,
    task:
      url === null
        ? ExternalDisplayLinkTask.STOP_EXTERNAL_LINK
        : ExternalDisplayLinkTask.START_EXTERNAL_LINK,
    ...(url === null ? {} : { url }),
  });

const DEVICES: Readonly<Record<HostedDevice, Device>> = {
  microphone: Device.MICROPHONE,
  camera: Device.CAMERA,
  screen: Device.SCREEN_SHARE,
};

export const askRequest = (userId: ParticipantId, device: HostedDevice): Request =>
  request("plenum/ask", AskReqSchema, { userId, device: DEVICES[device] });

export const stopRequest = (userId: ParticipantId, device: "camera" | "screen"): Request =>
  request("plenum/stop", StopReqSchema, { userId, device: DEVICES[device] });

export const muteAllRequest = (includingModerators: boolean): Request =>
  request("plenum/muteAll", MuteAllReqSchema, { includingModerators });

export const selfUnmuteRequest = (isAllowed: boolean): Request =>
  request("plenum/selfUnmute", SelfUnmuteReqSchema, { isAllowed });

export const spotlightRequest = (userIds: readonly ParticipantId[]): Request =>
  request("plenum/spotlight", SpotlightReqSchema, { userIds: [...userIds] });

export const lobbyRequest = (isOn: boolean): Request =>
  request("plenum/lobby", LobbyReqSchema, { isOn });

export const panicRequest = (isOn: boolean): Request =>
  request("plenum/panic", PanicReqSchema, { isOn });

export const unblockRequest = (userId: ParticipantId): Request =>
  request("plenum/unblock", UnblockReqSchema, { userId });

export const blockedRequest = (): Request => request("plenum/blocked", BlockedReqSchema, {});

export interface BlockedPerson {
  readonly id: ParticipantId;
  readonly name: string;
  /** Milliseconds since the epoch, server time. */
  readonly at: number;
  readonly by: ParticipantId | null;
}

/** Latest first, or the server's reason. Throws on what is no answer to that question. */
export function decodeBlocked(
  bytes: Uint8Array,
): { readonly people: readonly BlockedPerson[] } | { readonly reason: string } {
  const w = fromBinary(BlockedResSchema, bytes);
  if (!w.status) return { reason: w.msg };
  return {
    people: w.people.map(({ userId, name, blockedAt, blockedBy }) => ({
      id: participantId(userId),
      name: name || userId,
      at: Number(blockedAt),
      by: blockedBy === "" ? null : participantId(blockedBy),
    })),
  };
}
