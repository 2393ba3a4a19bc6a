/** The camera of this person: published, taken down, changed for another, and drawn in front of what they chose. */
import {
  createLocalVideoTrack,
  LocalVideoTrack,
  RoomEvent,
  Track,
  type LocalTrack,
  type Room,
} from "livekit-client";
import type { CameraBackground } from "./background/camera-background";
import { NONE, type Background } from "./background/choice";
import { createInTurn } from "./in-turn";
import { publishOpened, reopenDevice, soften, switchDevice } from "./livekit-device";
import type { Remaking } from "./livekit-remade";
import type { BackgroundTrouble } from "./media";

interface Around {
  /** The camera brought along from the green room, once, if it is still open. */
  brought(): MediaStreamTrack | null;
  onBackground(trouble: BackgroundTrouble): void;
  /** After a change during which it counted as on. */
  onSettled(): void;
}

export interface Camera {
  isOn(): boolean;
  set(on: boolean): Promise<void>;
  switchTo(id: string): Promise<void>;
  /** Opens it anew, if it is on. */
  reopen(): Promise<void>;
  setBackground(background: Background, saving: boolean): Promise<void>;
}

export function createCamera(room: Room, remaking: Remaking, around: Around): Camera {
  const me = room.localParticipant;
  let background: Background = NONE;
  let saving = false;
  /** What draws behind the camera that was published last. */
  let drawing: { readonly track: LocalVideoTrack; readonly by: CameraBackground } | null = null;
  /** While a camera is taken down only to come back otherwise, it counts as on. */
  let changing = false;
  /** What opens, closes or changes the camera. */
  const inTurn = createInTurn();
  const published = () => {
    const track = me.getTrackPublication(Track.Source.Camera)?.track;
    return track instanceof LocalVideoTrack ? track : null;
  };
  const drawingOn = (track: LocalVideoTrack) => (drawing?.track === track ? drawing.by : null);

  // Off, whoever switched it off: what draws lets go until the camera is opened again.
  room.on(RoomEvent.TrackMuted, ({ track }) => {
    if (track instanceof LocalVideoTrack) drawingOn(track)?.rest();
  });

  const putBehind = async (track: LocalVideoTrack) => {
    if (background.kind === "none") return;
    const { CameraBackground } = await import("./background/camera-background");
    const by = new CameraBackground(background, saving, {
      onFailed: () => around.onBackground("failed"),
      onSlow: () => around.onBackground("slow"),
      onMissing: () => around.onBackground("missing"),
    });
    await track.setProcessor(by);
    drawing = { track, by };
  };
  /** Not before the background is drawn. */
  const publish = async () => {
    const ready = around.brought();
    soften(room.options.videoCaptureDefaults);
    const track = ready
      ? new LocalVideoTrack(ready, undefined, false)
      : await createLocalVideoTrack({ ...room.options.videoCaptureDefaults });
    await publishOpened(room, track as LocalTrack, Track.Source.Camera, () => putBehind(track));
  };
  /** With and without a background are two streams of different sizes: one is taken down before the other begins. */
  const takeDownOther = async () => {
    const track = published();
    if (!track || (drawingOn(track) !== null) === (background.kind !== "none")) return;
    await me.unpublishTrack(track as LocalTrack);
  };

  return {
    isOn: () => changing || me.isCameraEnabled,
    set: (on) =>
      inTurn(async () => {
        if (!on && remaking.isUnderWay()) return remaking.switchOff(Track.Source.Camera);
        if (on) await takeDownOther();
        soften(published()?.constraints);
        if (on && !published()) await publish();
        else await me.setCameraEnabled(on);
      }),
    switchTo: (id) => inTurn(() => switchDevice(room, "videoinput", id)),
    reopen: () =>
      inTurn(async () => {
        const track = published();
        if (track) await reopenDevice(track as LocalTrack);
      }),
    setBackground(next, save) {
      background = next;
      saving = save;
      return inTurn(async () => {
        const track = published();
        if (!track) return;
        const by = drawingOn(track);
        if (by && background.kind !== "none") {
          by.setSaving(saving);
          return by.change(background);
        }
        if (!by && background.kind === "none") return;
        changing = me.isCameraEnabled;
        try {
          await takeDownOther();
          if (changing) await publish();
        } finally {
          changing = false;
          around.onSettled();
        }
      });
    },
  };
}
