/**
 * Sound and picture as the meeting sees them. The engine (`livekit-engine.ts`, loaded when somebody
 * joins) does the work; this keeps what the screen needs to know and the three switches.
 */
import { alike } from "../kit/alike";
import type { MediaAccess, ParticipantId } from "../wire/types";
import { isSameBackground, NONE, type Background } from "./background/choice";
import { isRear } from "./facing";
import type { Figures } from "./figures";
import type { StuckDevices } from "./flow";
import { createGate } from "./gate";
import { MediaFullError } from "./media-full";
import type { VideoQuality } from "./prefs";
import { createStore, type Readable } from "./store";
import { createToggle, type Toggle } from "./toggle";

/** Something to look at or listen to, which can be put into a media element and taken out again. */
export interface TrackHandle {
  readonly id: string;
  attach(element: HTMLMediaElement): () => void;
}

export type Quality = "good" | "poor" | "lost" | "unknown";

export interface PersonMedia {
  /** Unknown while there is no connection that could tell. */
  readonly microphone: "unknown" | "none" | "muted" | "live";
  readonly sound: TrackHandle | null;
  readonly camera: TrackHandle | null;
  /** Whether that camera of mine looks away from me. */
  readonly rear: boolean;
  readonly screen: TrackHandle | null;
  readonly screenSound: TrackHandle | null;
  /** Whether nothing arrives of a picture that is on the air and on this screen, or my own camera gives nothing. */
  readonly missing: Readonly<Record<"camera" | "screen", boolean>>;
  readonly quality: Quality;
}

export const NO_MEDIA: PersonMedia = {
  microphone: "none",
  sound: null,
  camera: null,
  rear: false,
  screen: null,
  screenSound: null,
  missing: { camera: false, screen: false },
  quality: "unknown",
};

const UNKNOWN_MEDIA: PersonMedia = { ...NO_MEDIA, microphone: "unknown" };

/**
 * What somebody sends. Only a connection tells that somebody sends nothing: before there is one, and once it is lost, nothing
 * is known of anybody, and while it is made anew nothing of those of whom it does not tell yet.
 */
export function sentBy(
  { status, people }: Pick<MediaState, "status" | "people">,
  who: ParticipantId,
): PersonMedia {
  const told = people.get(who);
  if (status === "connected") return told ?? NO_MEDIA;
  if (!told) return UNKNOWN_MEDIA;
  return status === "reconnecting" ? told : { ...told, microphone: "unknown" };
}

/** Whether it is not known what somebody sends; of pictures it is then the last that was known. */
export const isUnknown = ({ microphone }: PersonMedia): boolean => microphone === "unknown";

/** Whether it is known that nothing is to be heard of somebody. */
export const isSilent = ({ microphone }: PersonMedia): boolean =>
  microphone === "none" || microphone === "muted";

/**
 * Whether somebody's line is weak. Of a picture that does not come the server thinks as badly as of a weak line; then it is
 * the picture, and the line may be as good as ever.
 */
export const isWeak = ({ quality, missing }: PersonMedia): boolean =>
  quality === "poor" && !missing.camera && !missing.screen;

export type MediaStatus = "idle" | "connecting" | "connected" | "reconnecting" | "lost";

export interface MediaState {
  readonly status: MediaStatus;
  readonly people: ReadonlyMap<ParticipantId, PersonMedia>;
  readonly speaking: ReadonlySet<ParticipantId>;
  /** False while the browser waits for a click before it plays sound. */
  readonly mayPlaySound: boolean;
  /** The last connection was refused because the server is at its limit. */
  readonly full: boolean;
  /** What is wrong with my own devices that are on. */
  readonly stuck: StuckDevices;
  /** The devices really in use, by their ids; `null` where none is open, or nobody knows. */
  readonly inUse: DevicesInUse;
  /** My camera as the green room showed it, until it is published. */
  readonly preview: (TrackHandle & Pick<PersonMedia, "rear">) | null;
}

export type DeviceKind = "audioinput" | "videoinput" | "audiooutput";

export type DevicesInUse = Readonly<Record<DeviceKind, string | null>>;

export type MediaSwitch = "microphone" | "camera" | "screen";

export interface EngineHandlers {
  onStatus(status: MediaStatus): void;
  onPeople(people: ReadonlyMap<ParticipantId, PersonMedia>): void;
  onSpeaking(who: ReadonlySet<ParticipantId>): void;
  onMayPlaySound(may: boolean): void;
  /** The local switches as they really are, whoever flipped them. */
  onLocal(state: Readonly<Record<MediaSwitch, boolean>>): void;
  /** The connection is made wholly anew and with it what is on the air; until `onRemade` nothing can be told of it. */
  onRemaking(): void;
  /** What is on the air again. What is missing did not come back, whatever was wished. */
  onRemade(state: Readonly<Record<MediaSwitch, boolean>>): void;
  /** What was shared is no more: its window was closed, or the browser was told to stop. */
  onShareEnded(): void;
  onTalkingWhileMuted(): void;
  onStuck(devices: StuckDevices): void;
  onInUse(devices: DevicesInUse): void;
  onDeviceLost(loss: DeviceLoss): void;
  onBackground(trouble: BackgroundTrouble): void;
}

/**
 * The background has stopped and so has the picture; the device does not keep up with it; the chosen picture was not
 * to be had.
 */
export type BackgroundTrouble = "failed" | "slow" | "missing";

/** A device in use that went away, and what became of the switch. */
export interface DeviceLoss {
  readonly kind: DeviceKind;
  /** Names as the browser tells them; may be empty. */
  readonly lost: string;
  /** What is used instead; `null` where nothing is. */
  readonly next: string | null;
  /** It was switched off at that moment, so nothing was taken in its place yet. */
  readonly wasOff: boolean;
  /** It is still there, but this page may not use it any more. */
  readonly denied: boolean;
}

/** Which devices to use; `null` lets the browser decide. */
export interface DeviceChoice {
  readonly microphone: string | null;
  readonly camera: string | null;
  readonly speaker: string | null;
}

/** Devices that are open already, from the green room: they go on without a blink. */
export type OpenTracks = Readonly<Record<"microphone" | "camera", MediaStreamTrack | null>>;

export interface MediaEngine {
  /** Uses these the next time such a device is switched on. */
  adopt(tracks: OpenTracks): void;
  /** Closes a device that was adopted and not used. */
  release(device: keyof OpenTracks): void;
  connect(access: MediaAccess, devices: DeviceChoice): Promise<void>;
  publishMicrophone(muted: boolean): Promise<void>;
  setMicrophone(on: boolean): Promise<void>;
  setCamera(on: boolean): Promise<void>;
  setScreen(on: boolean): Promise<void>;
  switchDevice(kind: DeviceKind, id: string): Promise<void>;
  /** From now on the camera is seen so; `saving` draws fewer frames. */
  setBackground(background: Background, saving: boolean): Promise<void>;
  /** Opens a device that is on anew. */
  reopen(device: keyof OpenTracks): Promise<void>;
  startSound(): Promise<void>;
  /** At most this of each camera from now on. */
  limitVideo(quality: VideoQuality): void;
  measure(): Promise<Figures>;
  disconnect(): Promise<void>;
}

export type LoadEngine = (handlers: EngineHandlers) => Promise<MediaEngine>;

/** Why a shared screen has ended that its owner did not end here: where it came from, or on its way. */
export type ShareEnd = "source" | "cut";

export interface MediaEvents {
  onShareEnded(why: ShareEnd): void;
  onSwitchFailed(which: MediaSwitch, error: unknown, wanted: boolean): void;
  onTalkingWhileMuted(): void;
  onDeviceLost(loss: DeviceLoss): void;
  onBackground(trouble: BackgroundTrouble): void;
}

export interface Media extends Readable<MediaState> {
  /** Wishes for these two wait for a connection, and for the next one when it is lost. */
  readonly microphone: Toggle;
  readonly camera: Toggle;
  readonly screen: Toggle;
  /** Loads the engine ahead of time. */
  prepare(): void;
  /** Also the way back after a loss: what is wished on is switched on again, except a shared screen. */
  connect(access: MediaAccess, devices: DeviceChoice): Promise<void>;
  adopt(tracks: OpenTracks): void;
  /** Has the microphone ready but silent once there is a connection, for rooms that start muted. */
  publishMuted(): Promise<void>;
  switchDevice(kind: DeviceKind, id: string): Promise<void>;
  setBackground(background: Background, saving: boolean): void;
  /** Opens a device that is on, and gives nothing, anew. */
  reopen(device: keyof OpenTracks): void;
  startSound(): Promise<void>;
  /** At most this of each camera from now on; what somebody shares comes as it is. */
  limitVideo(quality: VideoQuality): void;
  /** How the line does right now. */
  measure(): Promise<Figures>;
  /** For good: a connection that comes about later is closed. */
  disconnect(): Promise<void>;
}

const IDLE: MediaState = {
  status: "idle",
  people: new Map(),
  speaking: new Set(),
  mayPlaySound: true,
  full: false,
  stuck: { microphone: null, camera: null },
  inUse: { audioinput: null, videoinput: null, audiooutput: null },
  preview: null,
};

const previewOf = (track: MediaStreamTrack): MediaState["preview"] => ({
  id: track.id,
  rear: isRear(track),
  attach(element) {
    element.srcObject = new MediaStream([track]);
    return () => {
      element.srcObject = null;
    };
  },
});

export function createMedia(load: LoadEngine, events: MediaEvents): Media {
  const store = createStore<MediaState>(IDLE);
  /** Once nobody wants it any more, no connection is kept. */
  let over = false;
  const patch = (part: Partial<MediaState>) => {
    if (!over) store.update((now) => ({ ...now, ...part }));
  };
  let loading: Promise<MediaEngine> | null = null;
  /** Shut while there is no connection that could carry anything. */
  const gate = createGate();
  /** Shut while what is on the air is put there anew: what is switched on then would be there twice. */
  const remade = createGate();
  remade.open();
  let connecting = false;
  let background: Background = NONE;
  let saving = false;
  const show = async (e: MediaEngine) => {
    try {
      await remade.passed();
      await e.setBackground(background, saving);
    } catch (error) {
      // Without the background there is no picture.
      camera.want(false);
      events.onSwitchFailed("camera", error, true);
    }
  };

  const begin = async (): Promise<MediaEngine> => {
    const made = await load({
      onStatus(status) {
        // What is lost stays lost until there is something new; trying is not worth a word.
        if (status === "connecting" && store.getSnapshot().status === "lost") return;
        // A first connection, or a new one, that fails is lost once it is known why.
        if (status === "lost" && connecting) return;
        patch({ status, ...(status === "connected" && { full: false }) });
        if (status === "lost") lose();
      },
      onPeople: (people) => patch({ people }),
      onSpeaking: (speaking) => patch({ speaking }),
      onMayPlaySound: (mayPlaySound) => patch({ mayPlaySound }),
      onLocal(state) {
        // What a lost connection leaves behind, and a new one begins with, is nobody's wish.
        if (!gate.isOpen()) return;
        microphone.happened(state.microphone);
        camera.happened(state.camera);
        screen.happened(state.screen);
      },
      onRemaking: remade.shut,
      onRemade(state) {
        for (const which of ["microphone", "camera"] as const) {
          const toggle = { microphone, camera }[which];
          if (toggle.getSnapshot().on && !state[which]) toggle.undone();
          else toggle.happened(state[which]);
        }
        if (!state.screen) cutShare();
        screen.happened(state.screen);
        remade.open();
      },
      onShareEnded() {
        if (screen.getSnapshot().on) events.onShareEnded("source");
      },
      onTalkingWhileMuted: events.onTalkingWhileMuted,
      onStuck: (stuck) => patch({ stuck }),
      onInUse(inUse) {
        if (!alike(inUse, store.getSnapshot().inUse)) patch({ inUse });
      },
      onDeviceLost: events.onDeviceLost,
      onBackground(trouble) {
        if (trouble === "failed") camera.want(false);
        events.onBackground(trouble);
      },
    });
    if (background.kind !== "none") void show(made);
    return made;
  };
  const engine = (): Promise<MediaEngine> => {
    loading ??= begin().catch((error: unknown) => {
      // Asked for again by the next one who needs it.
      loading = null;
      throw error;
    });
    return loading;
  };
  const failed = (which: MediaSwitch) => (error: unknown, wanted: boolean) =>
    events.onSwitchFailed(which, error, wanted);
  const microphone = createToggle(
    async (on) => (await engine()).setMicrophone(on),
    failed("microphone"),
    { any: gate, on: remade },
  );
  const camera = createToggle(async (on) => (await engine()).setCamera(on), failed("camera"), {
    any: gate,
    on: remade,
  });
  // A browser asks what to share only right after the click.
  const screen = createToggle(async (on) => (await engine()).setScreen(on), failed("screen"));
  for (const [device, each] of [
    ["microphone", microphone],
    ["camera", camera],
  ] as const) {
    each.subscribe(() => {
      const { on, pending } = each.getSnapshot();
      if (!on) void loading?.then((e) => e.release(device)).catch(() => undefined);
      if (device === "camera" && !(on && pending)) patch({ preview: null });
    });
  }
  const cutShare = () => {
    const { on, pending } = screen.getSnapshot();
    if (on && !pending) events.onShareEnded("cut");
  };
  const lose = () => {
    remade.open();
    if (!gate.isOpen()) return;
    gate.shut();
    const { inUse } = store.getSnapshot();
    patch({ inUse: { ...inUse, audioinput: null, videoinput: null } });
    microphone.undone();
    camera.undone();
    cutShare();
    screen.happened(false);
  };

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    microphone,
    camera,
    screen,
    prepare: () => void engine().catch(() => undefined),
    adopt(tracks) {
      // Nobody sees themselves without the background they chose.
      if (tracks.camera && background.kind === "none") patch({ preview: previewOf(tracks.camera) });
      engine().then(
        (e) => e.adopt(tracks),
        () => Object.values(tracks).forEach((track) => track?.stop()),
      );
    },
    async connect(access, devices) {
      lose();
      connecting = true;
      // After a lost connection it stays "lost" to the eye until there is a new one.
      if (store.getSnapshot().status !== "lost") patch({ status: "connecting" });
      try {
        const made = await engine();
        if (!over) await made.connect(access, devices);
        if (over) return await made.disconnect();
      } catch (error) {
        patch({ status: "lost", full: error instanceof MediaFullError });
        throw error;
      } finally {
        connecting = false;
      }
      gate.open();
    },
    async publishMuted() {
      await gate.passed();
      // Whoever was quicker has it, and is heard.
      if (!microphone.getSnapshot().on) await (await engine()).publishMicrophone(true);
    },
    async switchDevice(kind, id) {
      await remade.passed();
      await (await engine()).switchDevice(kind, id);
    },
    setBackground(next, nextSaving) {
      if (isSameBackground(next, background) && nextSaving === saving) return;
      background = next;
      saving = nextSaving;
      if (next.kind !== "none") patch({ preview: null });
      // One that is not there yet begins with it.
      void loading?.then(show, () => undefined);
    },
    reopen: (device) =>
      void remade
        .passed()
        .then(engine)
        .then((e) => e.reopen(device))
        .catch((error: unknown) => events.onSwitchFailed(device, error, true)),
    startSound: async () => (await engine()).startSound(),
    limitVideo: (quality) =>
      void engine().then(
        (e) => e.limitVideo(quality),
        // Without the engine nothing is fetched.
        () => undefined,
      ),
    measure: async () => (await engine()).measure(),
    async disconnect() {
      over = true;
      if (loading) await (await loading).disconnect();
      store.set(IDLE);
    },
  };
}
