/** Devices that go away while they are published. The library takes another by itself; this tells how that went. */
import { TrackEvent, type LocalTrack } from "livekit-client";
import { devicePermission } from "./devices";
import { labelOf, soften } from "./livekit-device";
import type { DeviceLoss } from "./media";

type Captured = "audioinput" | "videoinput";

export function createLossWatch(
  onLost: (loss: DeviceLoss) => void,
): (track: LocalTrack, kind: Captured) => void {
  const watched = new WeakSet<LocalTrack>();
  /** Nothing is used instead: it may be that none may be used any more. */
  const tellOff = async (loss: Omit<DeviceLoss, "denied">) => {
    const permission = await devicePermission(loss.kind === "videoinput" ? "video" : "audio");
    onLost({ ...loss, denied: permission === "denied" });
  };
  return (track, kind) => {
    if (watched.has(track)) return;
    watched.add(track);
    track.on(TrackEvent.Ended, () => {
      // Before the library opens it anew.
      soften(track.constraints);
      const lost = labelOf(track);
      if (track.isMuted) return void tellOff({ kind, lost, next: null, wasOff: true });
      const settled = () => {
        track.off(TrackEvent.Restarted, replaced);
        track.off(TrackEvent.Muted, silenced);
      };
      const replaced = () => {
        settled();
        onLost({ kind, lost, next: labelOf(track), wasOff: false, denied: false });
      };
      const silenced = () => {
        settled();
        void tellOff({ kind, lost, next: null, wasOff: false });
      };
      track.once(TrackEvent.Restarted, replaced);
      track.once(TrackEvent.Muted, silenced);
    });
  };
}
