/** What everybody sends, read from the library's room and told in our own words. */
import {
  ConnectionQuality,
  Track,
  type Participant,
  type Room,
  type TrackPublication,
} from "livekit-client";
import { alike } from "../kit/alike";
import { participantId, type ParticipantId } from "../wire/types";
import { isRear } from "./facing";
import type { PersonMedia, Quality, TrackHandle } from "./media";

type People = ReadonlyMap<ParticipantId, PersonMedia>;

/** A native helper and a phone caller stand for the person of the meeting they belong to. */
export function personOf(identity: string): ParticipantId {
  if (identity.endsWith("-native")) return participantId(identity.slice(0, -"-native".length));
  if (identity.startsWith("sip_+")) return participantId(`sip_${identity.slice("sip_+".length)}`);
  return participantId(identity);
}

export interface Unseen {
  /** The publications of which nothing arrives. */
  missing(): ReadonlySet<string>;
  /** Whether my own camera gives nothing. */
  still(): boolean;
}

export interface PeopleTeller {
  /** Soon, and once for all that changes at the same time. */
  tell(): void;
  /** Now, if there is something to tell. */
  flush(): void;
}

/** Whoever has not changed stays the same object. */
export function createPeopleTeller(
  room: Room,
  unseen: Unseen,
  onPeople: (people: People) => void,
): PeopleTeller {
  let told: People | null = null;
  let due = false;
  const flush = () => {
    due = false;
    const people = new Map<ParticipantId, PersonMedia>();
    for (const participant of [room.localParticipant, ...room.remoteParticipants.values()]) {
      if (!participant.identity) continue;
      const id = personOf(participant.identity);
      const now = mediaOf(participant, unseen);
      const before = told?.get(id);
      people.set(id, before && alike(before, now) ? before : now);
    }
    const isNews =
      told?.size !== people.size || [...people].some(([id, media]) => told?.get(id) !== media);
    told = people;
    if (isNews) onPeople(people);
  };
  return {
    tell() {
      if (due) return;
      due = true;
      queueMicrotask(() => {
        if (due) flush();
      });
    },
    flush,
  };
}

function mediaOf(participant: Participant, { missing, still }: Unseen): PersonMedia {
  const of = (source: Track.Source) => participant.getTrackPublication(source);
  const microphone = of(Track.Source.Microphone);
  const isMissing = (source: Track.Source) => missing().has(of(source)?.trackSid ?? "");
  const { isLocal } = participant;
  return {
    microphone: !microphone ? "none" : microphone.isMuted ? "muted" : "live",
    sound: isLocal ? null : heardOf(microphone),
    camera: seenOf(of(Track.Source.Camera)),
    rear: isLocal && isRear(of(Track.Source.Camera)?.track?.mediaStream?.getTracks()[0]),
    screen: seenOf(of(Track.Source.ScreenShare)),
    screenSound: isLocal ? null : heardOf(of(Track.Source.ScreenShareAudio)),
    missing: {
      camera: isLocal ? still() : isMissing(Track.Source.Camera),
      screen: isMissing(Track.Source.ScreenShare),
    },
    quality: qualityOf(participant.connectionQuality),
  };
}

const handles = new WeakMap<Track, TrackHandle>();

/** One handle per track, so that a tile re-renders only when its track is a different one. */
function heardOf(publication: TrackPublication | undefined): TrackHandle | null {
  const track = publication?.track;
  if (!track) return null;
  let handle = handles.get(track);
  if (!handle) {
    handle = {
      id: publication.trackSid,
      attach(element) {
        track.attach(element);
        return () => void track.detach(element);
      },
    };
    handles.set(track, handle);
  }
  return handle;
}

/**
 * Nothing is to be seen of a picture that is off. Sound is kept while it is off: some browsers want a press for each
 * element that begins to play.
 */
function seenOf(publication: TrackPublication | undefined): TrackHandle | null {
  return publication?.isMuted ? null : heardOf(publication);
}

function qualityOf(quality: ConnectionQuality): Quality {
  switch (quality) {
    case ConnectionQuality.Excellent:
    case ConnectionQuality.Good:
      return "good";
    case ConnectionQuality.Poor:
      return "poor";
    case ConnectionQuality.Lost:
      return "lost";
    default:
      return "unknown";
  }
}
