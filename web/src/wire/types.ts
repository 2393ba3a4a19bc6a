/**
 * The client's own words for what the server says. Everything above `wire` speaks these types; the
 * generated protobuf classes stay inside this folder.
 */

/** Who someone is in one meeting. Also their identity on the media server. */
export type ParticipantId = string & { readonly __brand: "ParticipantId" };

export const participantId = (raw: string): ParticipantId => raw as ParticipantId;

/** One thing a host can lock. */
export type LockName =
  | "microphone"
  | "webcam"
  | "screenSharing"
  | "chat"
  | "chatSend"
  | "chatFile"
  | "privateChat"
  | "whiteboard"
  | "notepad"
  | "reactions";

/** `undefined` inherits the room's default, `false` overrides it: two different things on the wire. */
export type Locks = Readonly<Record<LockName, boolean | undefined>>;

export interface Person {
  readonly id: ParticipantId;
  readonly name: string;
  readonly isAdmin: boolean;
  readonly isPresenter: boolean;
  /** Milliseconds since the epoch, server time. */
  readonly joinedAt: number;
  /** False between a lost connection and the server giving up on it. */
  readonly online: boolean;
  /** When the hand went up (milliseconds, server time), or `null` while it is down. */
  readonly handRaisedAt: number | null;
  readonly waiting: boolean;
  readonly locks: Locks;
  /** Muted, and to stay so until a host asks: attendees may not unmute themselves. Shows as a lock as well. */
  readonly held: boolean;
  readonly preferredLanguage: string | null;
  /** Since when they wait to be let in (milliseconds, server time), and what they tell the hosts meanwhile. */
  readonly waitsSince: number | null;
  readonly note: string;
}

export interface RoomFeatures {
  readonly webcams: boolean;
  readonly adminOnlyWebcams: boolean;
  readonly screenShare: boolean;
  readonly muteOnStart: boolean;
  readonly raiseHand: boolean;
  readonly reactions: boolean;
  /** Whether whoever comes waits until a host lets them in. */
  readonly waitingRoom: boolean;
  readonly externalLinks: boolean;
  readonly chat: boolean;
  readonly viewOtherWebcams: boolean;
  readonly viewUserList: boolean;
  /** Minutes; 0 means no limit. */
  readonly durationMinutes: number;
  readonly encrypted: boolean;
  /** Whether somebody may be seen in front of something else than what is there. */
  readonly virtualBackgrounds: boolean;
}

/** What a room offers to do together, and what of it goes on. */
export interface ActivityState {
  readonly files: {
    readonly allowed: boolean;
    /** Endings of file names, in lower case. */
    readonly types: readonly string[];
    readonly maxMegabytes: number;
  };
  readonly polls: { readonly allowed: boolean; readonly active: boolean };
  readonly breakout: {
    readonly allowed: boolean;
    readonly active: boolean;
    readonly maxRooms: number;
    /** The main room, if this is a breakout room. */
    readonly parent: string | null;
    /** When a host's countdown ends this breakout room (milliseconds, server time). */
    readonly closesAt: number | null;
  };
  readonly player: {
    readonly allowed: boolean;
    /** What plays, if something does. */
    readonly url: string | null;
    readonly sharedBy: ParticipantId | null;
  };
  /** The operator's or the room's own line, as HTML. */
  readonly copyright: string | null;
}

export interface ExternalLink {
  /** Always `https`. */
  readonly url: string;
  readonly sharedBy: ParticipantId | null;
}

export interface RoomState {
  readonly activities: ActivityState;
  readonly title: string;
  readonly welcome: string | null;
  readonly recording: boolean;
  readonly broadcasting: boolean;
  /** Unix seconds, server time; 0 until somebody's media has started. */
  readonly startedAt: number;
  readonly logoutUrl: string | null;
  readonly waitingMessage: string;
  /** Since when everybody waits who waits, first come first; only they are told. */
  readonly queue: readonly number[];
  readonly features: RoomFeatures;
  readonly defaultLocks: Locks;
  /** The web page that is shown to everybody, if there is one. */
  readonly externalLink: ExternalLink | null;
  readonly metadataId: string | null;
  /** The code others can type to join, when the room was started from the front door. */
  readonly inviteCode: string | null;
  /** Who is large for everybody, in this order. */
  readonly spotlight: readonly ParticipantId[];
  /** Whether attendees may turn their microphone on without being asked. */
  readonly selfUnmute: boolean;
  /** Since when a host has put the meeting at rest (milliseconds, server time). */
  readonly restingSince: number | null;
  /** Who did; only hosts are told. */
  readonly restingBy: ParticipantId | null;
  /** How many people may not come back; only hosts are told. */
  readonly blocked: number;
}

export interface RoomInfo {
  readonly id: string;
  readonly sid: string;
  /** Unix seconds, server time. */
  readonly createdAt: number;
  readonly state: RoomState;
}

export interface ChatLine {
  readonly id: string;
  readonly from: ParticipantId;
  readonly fromName: string;
  readonly fromAdmin: boolean;
  /** `null` is the public conversation. */
  readonly to: ParticipantId | null;
  /** Milliseconds since the epoch. */
  readonly sentAt: number;
  /** HTML from somewhere else: only ever shown through `kit/rich-text`. */
  readonly html: string;
  /** The id of the line this one answers. */
  readonly replyTo?: string;
}

export type NoticeLevel = "info" | "warning" | "error";

export interface ServerNotice {
  readonly level: NoticeLevel;
  /** A translation key of the server's, or plain text. */
  readonly text: string;
  readonly withSound: boolean;
  /** The same as data, where the server has more than words; see `wire/host-notice.ts`. */
  readonly details: Uint8Array | null;
}

export interface MediaAccess {
  readonly url: string;
  readonly token: string;
  readonly iceServers: readonly RTCIceServer[];
  readonly relayOnly: boolean;
  /** Without a connection for so long, in milliseconds, nothing but the relay is tried; `null`: never. */
  readonly relayAfter: number | null;
}

export interface Subjects {
  readonly jsWorker: string;
  readonly systemPublic: string;
  readonly chat: string;
  readonly dataChannel: string;
}

/** What a valid join token opens. */
export interface Admission {
  readonly natsUrls: readonly string[];
  readonly roomId: string;
  readonly me: ParticipantId;
  readonly stream: string;
  readonly subjects: Subjects;
  readonly serverVersion: string | null;
}
