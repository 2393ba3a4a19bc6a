/** What hosts ask of the server, as the bodies of `/api` calls. Loaded with the meeting, not before. */
import { create, toBinary, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
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
import type { LockName, ParticipantId } from "./types";

/** Of everybody instead of one person. */
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

/** An empty `trackSid` is the microphone. */
export const muteRequest = ({ roomId, sid }: RoomKeys, userId: Target, trackSid = ""): Request =>
  request("muteUnmuteTrack", MuteUnMuteTrackReqSchema, {
    roomId,
    sid,
    userId,
    trackSid,
    muted: true,
  });

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
