/** Cameras, microphones and speakers: what is there, and the picture and level before joining. */
import type { DeviceKind } from "./media";
import { watchLevel } from "./level";
import { createStore, type Readable } from "./store";

export interface Device {
  readonly id: string;
  readonly kind: DeviceKind;
  /** Empty until the browser has been allowed to tell. */
  readonly label: string;
  /** The same for all that sit in one case; may be empty. */
  readonly group: string;
}

export type DeviceProblem = "denied" | "missing" | "busy" | "insecure" | "failed";

/** What a failed `getUserMedia` means to the person in front of it. */
export function deviceProblem(error: unknown): DeviceProblem {
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "DevicesNotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "busy";
    default:
      return navigator.mediaDevices ? "failed" : "insecure";
  }
}

export interface DevicesStore extends Readable<readonly Device[]> {
  refresh(): Promise<void>;
  dispose(): void;
}

export interface DeviceChange<T> {
  readonly device: Device;
  readonly before: readonly Device[];
  readonly after: readonly Device[];
  /** What was asked when the browser spoke of a change, before anybody could act on it. */
  readonly at: T;
}

interface OnDevices<T> {
  /** Asked at the moment of every change. */
  now(): T;
  onGone(change: DeviceChange<T>): void;
  /** Not of those that were there from the start. */
  onCome(change: DeviceChange<T>): void;
}

export function createDevices<T>(on?: OnDevices<T>): DevicesStore {
  const store = createStore<readonly Device[]>([]);
  const source = navigator.mediaDevices as MediaDevices | undefined;

  const refresh = async () => {
    if (!source) return;
    const at = on?.now();
    const after = (await source.enumerateDevices())
      .filter(({ deviceId }) => deviceId !== "")
      .map(({ deviceId, kind, label, groupId }): Device => ({
        id: deviceId,
        kind,
        label,
        group: groupId,
      }));
    const before = store.getSnapshot();
    store.set(after);
    if (!on || at === undefined) return;
    const missingIn = (list: readonly Device[]) => (device: Device) =>
      !list.some(({ id, kind }) => id === device.id && kind === device.kind);
    for (const device of before.filter(missingIn(after))) on.onGone({ device, before, after, at });
    for (const device of after.filter(missingIn(before))) {
      if (before.some(({ kind }) => kind === device.kind)) on.onCome({ device, before, after, at });
    }
  };
  const onChange = () => void refresh().catch(() => undefined);
  source?.addEventListener("devicechange", onChange);
  onChange();

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    refresh,
    dispose: () => source?.removeEventListener("devicechange", onChange),
  };
}

export interface PreviewState {
  readonly on: boolean;
  readonly pending: boolean;
  readonly stream: MediaStream | null;
  readonly problem: DeviceProblem | null;
}

/** One device tried out before joining. */
export interface Preview extends Readable<PreviewState> {
  /** Opens the device, or takes what is being opened elsewhere. Nothing happens if it is open already. */
  start(deviceId: string | null, opening?: Promise<MediaStream>): Promise<void>;
  stop(): void;
  /** Gives the open device away: stopping the preview no longer closes it. */
  handOver(): MediaStreamTrack | null;
}

/** Which device is open, if that can be told. */
export const openIn = ({ stream }: PreviewState): string | null =>
  stream?.getTracks()[0]?.getSettings().deviceId ?? null;

const OFF: PreviewState = { on: false, pending: false, stream: null, problem: null };

export function createPreview(kind: "audio" | "video", onAllowed: () => void): Preview {
  const store = createStore<PreviewState>(OFF);
  let attempt = 0;
  let wanted: string | null = null;
  let given: MediaStreamTrack | null = null;
  const close = (stream: MediaStream | null) =>
    stream?.getTracks().forEach((track) => {
      if (track !== given) track.stop();
    });
  const follow = (stream: MediaStream) => {
    for (const track of stream.getTracks()) {
      // Unplugged: the next best device takes over.
      track.addEventListener("ended", () => {
        if (store.getSnapshot().stream === stream) void open(null);
      });
    }
  };
  const open = async (deviceId: string | null, opening?: Promise<MediaStream>) => {
    attempt += 1;
    const mine = attempt;
    wanted = deviceId;
    close(store.getSnapshot().stream);
    store.set({ on: true, pending: true, stream: null, problem: null });
    try {
      const stream = await (opening ??
        openDevice(kind, deviceId, () => {
          // Once the wished one is there, it may be asked for again.
          if (mine === attempt) wanted = null;
        }));
      if (mine !== attempt) return close(stream);
      store.set({ on: true, pending: false, stream, problem: null });
      follow(stream);
      onAllowed();
    } catch (error) {
      if (mine === attempt) store.set({ ...OFF, problem: deviceProblem(error) });
    }
  };

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    async start(deviceId, opening) {
      if (store.getSnapshot().on && deviceId === wanted) return;
      await open(deviceId, opening);
    },
    stop() {
      attempt += 1;
      close(store.getSnapshot().stream);
      store.set(OFF);
    },
    handOver() {
      given = store.getSnapshot().stream?.getTracks()[0] ?? null;
      return given;
    },
  };
}

function constraintsOf(kind: "audio" | "video"): MediaTrackConstraints {
  return kind === "video"
    ? { width: { ideal: 1280 }, height: { ideal: 720 } }
    : { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
}

/** `onOther` hears that it is not the wished one. */
async function openDevice(
  kind: "audio" | "video",
  deviceId: string | null,
  onOther: () => void = () => undefined,
): Promise<MediaStream> {
  const base = constraintsOf(kind);
  const ask = (constraints: MediaTrackConstraints) =>
    navigator.mediaDevices.getUserMedia({ [kind]: constraints });
  if (deviceId === null) return ask(base);
  try {
    return await ask({ ...base, deviceId: { exact: deviceId } });
  } catch (error) {
    // The remembered device may be at home; the next best one will do.
    if (deviceProblem(error) !== "missing") throw error;
    onOther();
    return ask(base);
  }
}

/** Opens both with one question of the browser instead of two. */
export async function startTogether(
  microphone: Preview,
  camera: Preview,
  ids: { readonly microphone: string | null; readonly camera: string | null },
): Promise<void> {
  const wish = (kind: "audio" | "video", id: string | null) => ({
    ...constraintsOf(kind),
    ...(id === null ? {} : { deviceId: id }),
  });
  const both = navigator.mediaDevices.getUserMedia({
    audio: wish("audio", ids.microphone),
    video: wish("video", ids.camera),
  });
  const part = async (kind: "audio" | "video", id: string | null) => {
    try {
      const stream = await both;
      return new MediaStream(kind === "audio" ? stream.getAudioTracks() : stream.getVideoTracks());
    } catch (error) {
      if (deviceProblem(error) === "denied") throw error;
      // One of the two is missing or busy; the other one may still work.
      return openDevice(kind, id);
    }
  };
  await Promise.all([
    microphone.start(ids.microphone, part("audio", ids.microphone)),
    camera.start(ids.camera, part("video", ids.camera)),
  ]);
}

export type Permission = "granted" | "prompt" | "denied";

/** Whether the browser would ask before opening such a device. */
export async function devicePermission(kind: "audio" | "video"): Promise<Permission> {
  const source = navigator.mediaDevices as MediaDevices | undefined;
  // Opening fails at once and says why.
  if (!source) return "denied";
  try {
    const name = (kind === "audio" ? "microphone" : "camera") as PermissionName;
    return (await navigator.permissions.query({ name })).state;
  } catch {
    // Not to be asked here; but a browser names devices only to pages that may use them.
    const devices = await source.enumerateDevices();
    const named = devices.some((device) => device.kind === `${kind}input` && device.label !== "");
    return named ? "granted" : "prompt";
  }
}

/** Follows the loudness of whatever the preview is playing. */
export function watchPreviewLevel(
  preview: Preview,
  tell: (level: number) => void,
  asleep: (asleep: boolean) => void,
): () => void {
  let stop: (() => void) | null = null;
  let current: MediaStream | null = null;
  const follow = () => {
    const { stream } = preview.getSnapshot();
    if (stream === current) return;
    stop?.();
    stop = null;
    current = stream;
    if (stream) stop = watchLevel(stream, tell, asleep);
    else {
      tell(0);
      asleep(false);
    }
  };
  follow();
  const unsubscribe = preview.subscribe(follow);
  return () => {
    unsubscribe();
    stop?.();
  };
}

/** Both at once. */
export async function devicePermissions(): Promise<
  Readonly<Record<"microphone" | "camera", Permission>>
> {
  const [microphone, camera] = await Promise.all([
    devicePermission("audio"),
    devicePermission("video"),
  ]);
  return { microphone, camera };
}
