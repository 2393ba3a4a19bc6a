/** A device of this person as the library knows it: published, and opened anew. */
import { ConnectionState, type LocalTrack, type Room, type Track } from "livekit-client";
import { deviceProblem } from "./devices";

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

/** Takes this one, or another if it went away at this moment. */
export async function switchDevice(room: Room, kind: MediaDeviceKind, id: string): Promise<void> {
  try {
    await room.switchActiveDevice(kind, id);
  } catch (error) {
    if (deviceProblem(error) !== "missing") throw error;
    await room.switchActiveDevice(kind, id, false);
  }
}

/** What the device is called, whatever is drawn on its picture. */
export const labelOf = (track: LocalTrack): string =>
  track.mediaStream?.getTracks()[0]?.label ?? "";
