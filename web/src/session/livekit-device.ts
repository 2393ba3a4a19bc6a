/** A device of this person as the library knows it: published, and opened anew. */
import { ConnectionState, Track, type LocalTrack, type Room } from "livekit-client";
import { deviceProblem } from "./devices";
import type { DeviceKind, DevicesInUse } from "./media";

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

/**
 * Makes the name of a device a wish. The library insists on the very one it opened last, also when that has gone; rather
 * the same than any other, and rather another than none.
 */
export function soften(constraints: { deviceId?: ConstrainDOMString } | undefined): void {
  const named = constraints?.deviceId;
  if (constraints && typeof named === "object" && "exact" in named && named.exact !== undefined) {
    constraints.deviceId = { ideal: named.exact };
  }
}

/**
 * Takes this one, or another if it went away at this moment. Where that one cannot be opened, the one before goes on;
 * where that does not open any more either, it is off.
 */
export async function switchDevice(room: Room, kind: MediaDeviceKind, id: string): Promise<void> {
  const track = capturedBy(room, kind);
  const before =
    track && !track.isMuted && isOpen(track) ? track.getSourceTrackSettings().deviceId : undefined;
  try {
    await take(room, kind, id);
  } catch (error) {
    if (track && before !== undefined) {
      await openOrMute(track, () => track.setDeviceId({ ideal: before }));
    }
    throw error;
  }
}

async function take(room: Room, kind: MediaDeviceKind, id: string): Promise<void> {
  try {
    await room.switchActiveDevice(kind, id);
  } catch (error) {
    if (deviceProblem(error) !== "missing") throw error;
    await room.switchActiveDevice(kind, id, false);
  }
}

/** Opens the device of a track anew; where that fails it is off, and not on without giving anything. */
export async function reopenDevice(track: LocalTrack): Promise<void> {
  soften(track.constraints);
  const failed = await openOrMute(track, () => track.restartTrack());
  if (failed !== null) throw failed;
}

/** Why it could not be opened, or `null`. */
async function openOrMute(track: LocalTrack, open: () => Promise<unknown>): Promise<unknown> {
  try {
    await open();
    return null;
  } catch (error) {
    await track.mute();
    return error;
  }
}

const isOpen = (track: LocalTrack): boolean => track.mediaStreamTrack.readyState === "live";

/** The devices really in use. */
export function devicesInUse(room: Room): DevicesInUse {
  const open = (kind: DeviceKind) => {
    const track = capturedBy(room, kind);
    return (track && isOpen(track) && track.getSourceTrackSettings().deviceId) || null;
  };
  return {
    audioinput: open("audioinput"),
    videoinput: open("videoinput"),
    audiooutput: room.getActiveDevice("audiooutput") ?? null,
  };
}

const SOURCES: Readonly<Partial<Record<MediaDeviceKind, Track.Source>>> = {
  audioinput: Track.Source.Microphone,
  videoinput: Track.Source.Camera,
};

/** What is published of such a device. */
function capturedBy({ localParticipant }: Room, kind: MediaDeviceKind): LocalTrack | undefined {
  const source = SOURCES[kind];
  return source && localParticipant.getTrackPublication(source)?.track;
}

/** What the device is called, whatever is drawn on its picture. */
export const labelOf = (track: LocalTrack): string =>
  track.mediaStream?.getTracks()[0]?.label ?? "";
