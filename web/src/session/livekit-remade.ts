/**
 * A connection made wholly anew: the library takes down what is on the air and puts it there again. This knows what is on
 * its way back, and ends what does not come back, so that no device stays open unseen.
 */
import { ConnectionState, RoomEvent, Track, type LocalTrack, type Room } from "livekit-client";
import { soften } from "./livekit-device";

export interface Remaking {
  /** Until what is on the air is again what this person wishes, nothing can be told from it. */
  isUnderWay(): boolean;
  /** Switches off what is on the air, or on its way back there, without waiting for all the rest. */
  switchOff(...sources: Track.Source[]): Promise<void>;
}

export interface RemakingTold {
  onBegun(): void;
  /** Connected again, and all is back that comes back. */
  onDone(): void;
}

/** What is taken down and not muted. */
const SHARED = new Set([Track.Source.ScreenShare, Track.Source.ScreenShareAudio]);

export function watchRemaking(room: Room, told: RemakingTold): Remaking {
  const me = room.localParticipant;
  /** Taken down, and not yet back. */
  const away = new Set<LocalTrack>();
  const givenUp = new WeakSet<LocalTrack>();
  let underWay = false;
  const giveUp = (track: LocalTrack) => {
    away.delete(track);
    givenUp.add(track);
    // One that is being opened at this moment is closed once it is open.
    track.stop();
  };
  const isRemaking = () => room.state === ConnectionState.Reconnecting;

  room.on(RoomEvent.ConnectionStateChanged, (state) => {
    if (state !== ConnectionState.Reconnecting) return;
    underWay = true;
    told.onBegun();
  });
  room.on(RoomEvent.LocalTrackUnpublished, ({ track }) => {
    if (!track || !isRemaking()) return;
    // The device may have gone meanwhile.
    soften(track.constraints);
    away.add(track);
  });
  room.on(RoomEvent.LocalTrackPublished, ({ track }) => {
    if (!track) return;
    away.delete(track);
    if (givenUp.has(track)) void me.unpublishTrack(track).catch(() => undefined);
  });
  room.on(RoomEvent.Reconnected, () => {
    away.forEach(giveUp);
    if (!underWay) return;
    underWay = false;
    told.onDone();
  });
  room.on(RoomEvent.Disconnected, () => {
    underWay = false;
    away.forEach(giveUp);
  });

  return {
    isUnderWay: isRemaking,
    async switchOff(...sources) {
      for (const track of away) if (sources.includes(track.source)) giveUp(track);
      for (const source of sources) {
        const back = me.getTrackPublication(source)?.track;
        if (back) await (SHARED.has(source) ? me.unpublishTrack(back) : back.mute());
      }
    },
  };
}
