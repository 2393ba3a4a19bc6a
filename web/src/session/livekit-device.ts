/** For when a track must be opened anew: rather the same device than any other. */
export function reopening(
  track: MediaStreamTrack,
  base: MediaTrackConstraints,
): MediaTrackConstraints {
  const { deviceId } = track.getSettings();
  return deviceId === undefined ? base : { ...base, deviceId: { ideal: deviceId } };
}
