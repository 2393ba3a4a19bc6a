/** Polls and breakout rooms as calls below `/api`, and what they answer. Loaded with the meeting. */
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { WireError } from "./decode";
import { messageId } from "./encode";
import { CloseBreakoutsReqSchema } from "./gen/plenum/meeting_pb";
import {
  BreakoutHelpReqSchema,
  IncreaseRoomDurationReqSchema,
  MoveBreakoutUserReqSchema,
} from "./gen/plugnmeet/activities_pb";
import {
  CommonResponseSchema,
  ExternalMediaPlayerReqSchema,
  ExternalMediaPlayerTask,
} from "./gen/plugnmeet/common_pb";
import {
  ActivatePollsReqSchema,
  BreakoutRoomResSchema,
  BroadcastBreakoutRoomMsgReqSchema,
  ClosePollReqSchema,
  CreateBreakoutRoomsReqSchema,
  CreatePollReqSchema,
  EndBreakoutRoomReqSchema,
  IncreaseBreakoutRoomDurationReqSchema,
  JoinBreakoutRoomReqSchema,
  PollResponseSchema,
  SubmitPollResponseReqSchema,
  type BreakoutRoom as WireRoom,
  type PollInfo,
} from "./gen/plugnmeet/features_pb";
import { DataChannelMessageSchema, DataMsgBodyType } from "./gen/plugnmeet/messaging_pb";
import { participantId, type ParticipantId } from "./types";

export interface Ask {
  readonly path: string;
  readonly body: Uint8Array<ArrayBuffer> | null;
}

const post = <D extends DescMessage>(path: string, schema: D, body: MessageInitShape<D>): Ask => ({
  path,
  body: new Uint8Array(toBinary(schema, create(schema, body))),
});

const get = (path: string): Ask => ({ path, body: null });

function read<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new WireError(schema.name, cause);
  }
}

/** The server said no, in its own words. */
export class Refused extends Error {}

function accepted<T extends { readonly status: boolean; readonly msg: string }>(answer: T): T {
  if (!answer.status) throw new Refused(answer.msg);
  return answer;
}

export const decodeYes = (bytes: Uint8Array): void =>
  void accepted(read(CommonResponseSchema, bytes));

// -- polls --------------------------------------------------------------------------------------------

export const MAX_OPTIONS = 50;
export const MAX_QUESTION = 1_000;
export const MAX_OPTION = 255;

export interface PollOption {
  readonly id: number;
  readonly text: string;
}

export interface Poll {
  readonly id: string;
  readonly question: string;
  readonly options: readonly PollOption[];
  readonly running: boolean;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly multiple: boolean;
  readonly anonymous: boolean;
  readonly live: boolean;
  readonly responses: number;
}

export interface NewPoll {
  readonly question: string;
  readonly options: readonly string[];
  readonly multiple: boolean;
  readonly anonymous: boolean;
  readonly live: boolean;
}

export interface Vote {
  readonly given: boolean;
  readonly options: readonly number[];
}

export interface PollResult {
  readonly total: number;
  readonly counts: ReadonlyMap<number, number>;
}

export interface Respondent {
  readonly id: ParticipantId;
  readonly name: string;
  readonly option: number;
}

export const pollAsks = {
  activate: (roomId: string, isActive: boolean) =>
    post("polls/activate", ActivatePollsReqSchema, { roomId, isActive }),
  create: (roomId: string, poll: NewPoll) =>
    post("polls/create", CreatePollReqSchema, {
      roomId,
      question: poll.question,
      options: poll.options.map((text, at) => ({ id: at + 1, text })),
      multipleChoice: poll.multiple,
      anonymous: poll.anonymous,
      liveResults: poll.live,
    }),
  list: () => get("polls/listPolls"),
  vote: (roomId: string, pollId: string, me: ParticipantId, options: readonly number[]) =>
    post("polls/submitResponse", SubmitPollResponseReqSchema, {
      roomId,
      pollId,
      userId: me,
      selectedOption: BigInt(options[0] ?? 0),
      selectedOptions: options.map(BigInt),
    }),
  mine: (pollId: string, me: ParticipantId) =>
    get(`polls/userSelectedOption/${encodeURIComponent(pollId)}/${encodeURIComponent(me)}`),
  close: (roomId: string, pollId: string) =>
    post("polls/closePoll", ClosePollReqSchema, { roomId, pollId }),
  result: (pollId: string) => get(`polls/pollResponsesResult/${encodeURIComponent(pollId)}`),
  details: (pollId: string) => get(`polls/pollResponsesDetails/${encodeURIComponent(pollId)}`),
  csv: (pollId: string | null) =>
    get(`plenum/polls/csv${pollId === null ? "" : `/${encodeURIComponent(pollId)}`}`),
};

/** What a table begins with, so that a spreadsheet reads it as UTF-8; no protobuf message does. */
const BOM = [0xef, 0xbb, 0xbf];

/** A table as it came; anything else is a refusal in words. */
export function decodeCsv(bytes: Uint8Array): Uint8Array {
  if (!BOM.every((byte, at) => bytes[at] === byte)) {
    throw new Refused(read(CommonResponseSchema, bytes).msg);
  }
  return bytes;
}

const pollFrom = (w: PollInfo): Poll => ({
  id: w.id,
  question: w.question,
  options: w.options.map(({ id, text }) => ({ id, text })),
  running: w.isRunning,
  createdAt: Number(w.created),
  multiple: w.multipleChoice,
  anonymous: w.anonymous,
  live: w.liveResults,
  responses: Number(w.totalResponses),
});

/** Running ones first, then the latest. */
export const decodePolls = (bytes: Uint8Array): readonly Poll[] =>
  accepted(read(PollResponseSchema, bytes))
    .polls.map(pollFrom)
    .toSorted((a, b) => Number(b.running) - Number(a.running) || b.createdAt - a.createdAt);

export const decodePollYes = (bytes: Uint8Array): void =>
  void accepted(read(PollResponseSchema, bytes));

export function decodeVote(bytes: Uint8Array): Vote {
  const w = accepted(read(PollResponseSchema, bytes));
  const one = Number(w.voted ?? 0n);
  const options = w.votedOptions.map(Number);
  return {
    given: w.hasVoted || one !== 0,
    options: options.length > 0 || w.hasVoted ? options : one === 0 ? [] : [one],
  };
}

export function decodeResult(bytes: Uint8Array): PollResult {
  const w = accepted(read(PollResponseSchema, bytes)).pollResponsesResult;
  if (!w) throw new WireError("PollResponsesResult");
  return {
    total: Number(w.totalResponses),
    counts: new Map(w.options.map(({ id, voteCount }) => [Number(id), Number(voteCount)])),
  };
}

/** Each as `<user id>:<option>:<name>`. */
export function decodeDetails(bytes: Uint8Array): readonly Respondent[] {
  const w = accepted(read(PollResponseSchema, bytes));
  let all: unknown;
  try {
    all = JSON.parse(w.responses["all_respondents"] ?? "[]");
  } catch (cause) {
    throw new WireError("poll details", cause);
  }
  if (!Array.isArray(all)) throw new WireError("poll details");
  return all.flatMap((entry) => {
    const [id, option, ...name] = String(entry).split(":");
    if (!id || !option) return [];
    return [{ id: participantId(id), option: Number(option), name: name.join(":") || id }];
  });
}

/** Has the others look at the counts again; not sent where votes are secret and nobody shields who says it. */
export const encodePollResponse = (from: ParticipantId, pollId: string): Uint8Array =>
  toBinary(
    DataChannelMessageSchema,
    create(DataChannelMessageSchema, {
      id: messageId(),
      type: DataMsgBodyType.NEW_POLL_RESPONSE,
      fromUserId: from,
      message: pollId,
    }),
  );

// -- breakout rooms -----------------------------------------------------------------------------------

export interface BreakoutPerson {
  readonly id: ParticipantId;
  readonly name: string;
  readonly joined: boolean;
}

export interface BreakoutRoom {
  readonly id: string;
  readonly title: string;
  /** Minutes; 0 is no limit. */
  readonly duration: number;
  readonly started: boolean;
  /** Unix milliseconds; `null` before it began and without a limit. */
  readonly endsAt: number | null;
  /** Unix milliseconds at which a countdown ends it; `null` without one. */
  readonly closesAt: number | null;
  readonly selfSelect: boolean;
  /** Unix milliseconds of a call for help that nobody followed yet. */
  readonly helpAskedAt: number | null;
  readonly people: readonly BreakoutPerson[];
}

export interface NewBreakout {
  readonly minutes: number;
  readonly welcome: string;
  readonly selfSelect: boolean;
  readonly rooms: readonly {
    readonly title: string;
    readonly people: readonly { readonly id: ParticipantId; readonly name: string }[];
  }[];
}

export const breakoutAsks = {
  create: (roomId: string, { minutes, welcome, selfSelect, rooms }: NewBreakout) =>
    post("breakoutRoom/create", CreateBreakoutRoomsReqSchema, {
      roomId,
      duration: BigInt(minutes),
      ...(welcome === "" ? {} : { welcomeMsg: welcome }),
      selfSelect,
      rooms: rooms.map(({ title, people }) => ({
        id: crypto.randomUUID().slice(0, 8),
        title,
        users: people.map(({ id, name }) => ({ id, name })),
      })),
    }),
  list: () => get("breakoutRoom/listRooms"),
  mine: () => get("breakoutRoom/myRooms"),
  join: (roomId: string, breakoutRoomId: string, userId: ParticipantId) =>
    post("breakoutRoom/join", JoinBreakoutRoomReqSchema, { roomId, breakoutRoomId, userId }),
  extend: (roomId: string, breakoutRoomId: string, minutes: number) =>
    post("breakoutRoom/increaseDuration", IncreaseBreakoutRoomDurationReqSchema, {
      roomId,
      breakoutRoomId,
      duration: BigInt(minutes),
    }),
  tell: (roomId: string, msg: string) =>
    post("breakoutRoom/sendMsg", BroadcastBreakoutRoomMsgReqSchema, { roomId, msg }),
  end: (roomId: string, breakoutRoomId: string) =>
    post("breakoutRoom/endRoom", EndBreakoutRoomReqSchema, { roomId, breakoutRoomId }),
  endAll: (roomId: string) =>
    post("breakoutRoom/endAllRooms", EndBreakoutRoomReqSchema, { roomId }),
  /** All rooms end in so many seconds. */
  closeIn: (inSeconds: number) =>
    post("plenum/breakout/close", CloseBreakoutsReqSchema, { inSeconds }),
  keepOpen: () => post("plenum/breakout/close", CloseBreakoutsReqSchema, { isWithdrawn: true }),
  move: (userId: ParticipantId, breakoutRoomId: string) =>
    post("plenum/breakout/move", MoveBreakoutUserReqSchema, { userId, breakoutRoomId }),
  help: (isWithdrawn: boolean) =>
    post("plenum/breakout/help", BreakoutHelpReqSchema, { isWithdrawn }),
};

const roomFrom = (w: WireRoom): BreakoutRoom => ({
  id: w.id,
  title: w.title,
  duration: Number(w.duration),
  started: w.started,
  endsAt: Number(w.endsAt) || null,
  closesAt: Number(w.closesAt) || null,
  selfSelect: w.selfSelect,
  helpAskedAt: Number(w.helpAskedAt) || null,
  people: w.users.map(({ id, name, joined }) => ({ id: participantId(id), name, joined })),
});

/** What the server says instead of an empty list. */
const NONE = "no breakout rooms found";

export function decodeRooms(bytes: Uint8Array): readonly BreakoutRoom[] {
  const w = read(BreakoutRoomResSchema, bytes);
  if (!w.status && w.msg === NONE) return [];
  return accepted(w)
    .rooms.map(roomFrom)
    .toSorted((a, b) => a.title.localeCompare(b.title, undefined, { numeric: true }));
}

export function decodeMyRoom(bytes: Uint8Array): BreakoutRoom | null {
  const w = read(BreakoutRoomResSchema, bytes);
  return w.status && w.room ? roomFrom(w.room) : null;
}

export function decodeJoin(bytes: Uint8Array): string {
  const w = accepted(read(BreakoutRoomResSchema, bytes));
  if (!w.token) throw new WireError("BreakoutRoomRes");
  return w.token;
}

export const decodeBreakoutYes = (bytes: Uint8Array): void =>
  void accepted(read(BreakoutRoomResSchema, bytes));

// -- media player and duration ------------------------------------------------------------------------

/** `null` stops it. */
export const playerAsk = (roomId: string, url: string | null): Ask =>
  post("externalMediaPlayer", ExternalMediaPlayerReqSchema, {
    roomId,
    task:
      url === null ? ExternalMediaPlayerTask.END_PLAYBACK : ExternalMediaPlayerTask.START_PLAYBACK,
    ...(url === null ? {} : { url }),
  });

export interface PlayerEvent {
  readonly action: "play" | "pause" | "seeked";
  /** Seconds. */
  readonly seekTo: number;
}

export const encodePlayerEvent = (from: ParticipantId, event: PlayerEvent): Uint8Array =>
  toBinary(
    DataChannelMessageSchema,
    create(DataChannelMessageSchema, {
      id: messageId(),
      type: DataMsgBodyType.EXTERNAL_MEDIA_PLAYER_EVENTS,
      fromUserId: from,
      message: JSON.stringify(event),
    }),
  );

/** `null` for what is no event of the player. */
export function decodePlayerEvent(text: string): PlayerEvent | null {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof raw !== "object" || raw === null) return null;
  const { action, seekTo } = raw as Record<string, unknown>;
  if (action !== "play" && action !== "pause" && action !== "seeked") return null;
  const seconds = Number(seekTo ?? 0);
  return Number.isFinite(seconds) && seconds >= 0 ? { action, seekTo: seconds } : null;
}

export const extendAsk = (minutes: number): Ask =>
  post("plenum/increaseDuration", IncreaseRoomDurationReqSchema, { minutes: BigInt(minutes) });

export const POLL_RESPONSE = DataMsgBodyType.NEW_POLL_RESPONSE;
export const PLAYER_EVENT = DataMsgBodyType.EXTERNAL_MEDIA_PLAYER_EVENTS;
export const BREAKOUT_PUSH = DataMsgBodyType.PUSH_JOIN_BREAKOUT_ROOM;
