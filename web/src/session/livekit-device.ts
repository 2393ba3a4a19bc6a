/** A device of this person as the library knows it: published, and opened anew. */
import { ConnectionState, type LocalTrack, type Room, type Track } from "livekit-client";

/**
 * Publishes a device that was just opened, once it is ready. Where that fails it is closed again, and so it is where the
 * connection has gone while the browser asked.
 */
export async function publishOpened(
  room: Room,
  track: LocalTrack,
  source: Track.Source,
  makeReady: () => Promise<void>,
): Promise<void> {
  try {
    await makeReady();
    if (room.state === ConnectionState.Disconnected) throw new Error("the connection is gone");
    await room.localParticipant.publishTrack(track, { source });
  } catch (error) {
    track.stop();
    throw error;
  }
}

/** For when a track must be opened anew: rather the same device than any other. */
export function reopening(
  track: MediaStreamTrack,
  base: MediaTrackConstraints,
): MediaTrackConstraints {
  const { deviceId } = track.getSettings();
  return deviceId === undefined ? base : { ...base, deviceId: { ideal: deviceId } };
}
