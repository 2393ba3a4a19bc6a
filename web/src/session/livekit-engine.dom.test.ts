import { TrackInfo } from "@livekit/protocol";
import type * as Library from "livekit-client";
import {
  ConnectionState,
  LocalParticipant,
  LocalTrackPublication,
  LocalVideoTrack,
  ParticipantEvent,
  RemoteParticipant,
  RoomEvent,
  TrackEvent,
  type LocalTrack,
  type RemoteTrackPublication,
  type Room,
  Track,
} from "livekit-client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeTrack } from "../../tests/fake-track";
import { createLiveKitEngine } from "./livekit-engine";
import { participantId, type MediaAccess, type ParticipantId } from "../wire/types";
import {
  NO_MEDIA,
  type DeviceChoice,
  type DeviceLoss,
  type EngineHandlers,
  type PersonMedia,
} from "./media";

/** The library's room inside the engine. */
let room: Room;
vi.mock("livekit-client", async (load) => {
  const library = await load<typeof Library>();
  class Seen extends library.Room {
    constructor(options?: Library.RoomOptions) {
      super(options);
      room = this as unknown as Room;
      this.state = library.ConnectionState.Connected;
      // What it does once it is connected.
      (this as unknown as { setupLocalParticipantEvents(): void }).setupLocalParticipantEvents();
    }
  }
  return { ...library, Room: Seen };
});

// Nothing is heard here.
vi.mock("./level", () => ({ watchLevel: () => () => undefined }));

class FakeStream {
  constructor(readonly tracks: readonly MediaStreamTrack[]) {}
  getTracks = () => this.tracks;
}

/** Ids of what is plugged in, the browser's favourite first, and what of it is open. */
let plugged: string[] = [];
let opened: FakeTrack[] = [];
/** Those of them that another program has. */
let busy: string[] = [];
/** The camera on the back. */
let rear: string | null = null;
/** Whether the browser lets nobody have any. */
let denied = false;
const losses: DeviceLoss[] = [];

beforeEach(() => {
  plugged = ["camera A", "camera B", "microphone A", "microphone B"];
  opened = [];
  busy = [];
  denied = false;
  rear = null;
  losses.length = 0;
  vi.stubGlobal("navigator", {
    userAgent: navigator.userAgent,
    mediaDevices: { getUserMedia, enumerateDevices: async () => [] },
  });
  vi.stubGlobal("MediaStream", FakeStream);
  vi.spyOn(LocalParticipant.prototype, "publishTrack").mockImplementation(publish);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const KINDS = [
  ["camera", "videoinput", "setCamera"],
  ["microphone", "audioinput", "setMicrophone"],
] as const;

test.each(KINDS)(
  "a %s chosen in the meeting and unplugged is replaced, and said",
  async (...of) => {
    const [word, kind, set] = of;
    const engine = begin();
    await engine[set](true);
    await engine.switchDevice(kind, `${word} B`);
    expect(live()).toEqual([`${word} B`]);

    unplug(`${word} B`);
    await vi.waitFor(() => expect(losses).toHaveLength(1));
    expect(live()).toEqual([`${word} A`]);
    const [lost, next] = [`The ${word} B`, `The ${word} A`];
    expect(losses).toEqual([{ kind, lost, next, wasOff: false, denied: false }]);
  },
);

test.each(KINDS)("the %s really in use is told, whoever chose it", async (...of) => {
  const [word, kind, set] = of;
  const told: (string | null)[] = [];
  const engine = begin({ onInUse: (devices) => void told.push(devices[kind]) });
  await engine[set](true);
  await engine.switchDevice(kind, `${word} B`);
  await vi.waitFor(() => expect(told.at(-1)).toBe(`${word} B`));
  unplug(`${word} B`);
  await vi.waitFor(() => expect(told.at(-1)).toBe(`${word} A`));
});

test("a camera of mine that looks away from me is told so, as soon as it is taken", async () => {
  const told: unknown[] = [];
  const engine = begin({
    onPeople: (people) => void told.push(people.get(participantId("me"))?.rear),
  });
  room.localParticipant.identity = "me";
  await engine.setCamera(true);
  await vi.waitFor(() => expect(told.at(-1)).toBe(false));
  rear = "camera B";
  await engine.switchDevice("videoinput", "camera B");
  await vi.waitFor(() => expect(told.at(-1)).toBe(true));
});

test("a camera that is off is not in use", async () => {
  const told: unknown[] = [];
  const engine = begin({ onInUse: ({ videoinput }) => void told.push(videoinput) });
  await engine.setCamera(true);
  await engine.setCamera(false);
  await Promise.resolve();
  expect(told.at(-1)).toBeNull();
});

test("the library knows the speaker that was chosen before", async () => {
  const told: unknown[] = [];
  const engine = begin({ onInUse: ({ audiooutput }) => void told.push(audiooutput) });
  vi.spyOn(room, "connect").mockResolvedValue();
  // A browser that can move sound.
  Object.assign(navigator, {
    userAgent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari",
  });
  vi.spyOn(document, "createElement").mockReturnValue({ setSinkId: nothing } as never);
  await engine.connect(ACCESS, { ...NOTHING_CHOSEN, speaker: "headset" });
  expect(room.getActiveDevice("audiooutput")).toBe("headset");
  expect(told).toContain("headset");
  await engine.disconnect();
});

test("a speaker that the browser cannot use keeps nobody out", async () => {
  const engine = begin();
  const connect = vi.spyOn(room, "connect").mockResolvedValue();
  vi.spyOn(document, "createElement").mockReturnValue({} as never);
  await engine.connect(ACCESS, { ...NOTHING_CHOSEN, speaker: "headset" });
  expect(connect).toHaveBeenCalled();
  await engine.disconnect();
});

const nothing = () => undefined;

test.each(KINDS)("a %s from the green room that is unplugged is replaced", async (...of) => {
  const [word, , set] = of;
  const engine = begin();
  engine.adopt({ microphone: null, camera: null, [word]: await exactly(`${word} B`) });
  await engine[set](true);
  expect(live()).toEqual([`${word} B`]);

  unplug(`${word} B`);
  await vi.waitFor(() => expect(losses).toHaveLength(1));
  expect(live()).toEqual([`${word} A`]);
});

test.each(KINDS)("a %s that is unplugged while it is off opens as another one", async (...of) => {
  const [word, , set] = of;
  const engine = begin();
  engine.adopt({ microphone: null, camera: null, [word]: await exactly(`${word} B`) });
  await engine[set](true);
  await engine[set](false);

  unplug(`${word} B`);
  await engine[set](true);
  expect(live()).toEqual([`${word} A`]);
});

test.each(KINDS)("a %s that goes away as it is chosen leaves another one", async (...of) => {
  const [word, kind, set] = of;
  const engine = begin();
  await engine[set](true);
  await engine.switchDevice(kind, `${word} C`);
  expect(live()).toEqual([`${word} A`]);
});

test.each(KINDS)("a %s that cannot be opened leaves the one before on", async (...of) => {
  const [word, kind, set] = of;
  const engine = begin();
  await engine[set](true);
  busy = [`${word} B`];
  await expect(engine.switchDevice(kind, `${word} B`)).rejects.toThrow("NotReadableError");
  expect(live()).toEqual([`${word} A`]);
  expect(published()?.isMuted).toBe(false);
});

test.each(KINDS)("a %s is off where the one before does not open either", async (...of) => {
  const [word, kind, set] = of;
  const engine = begin();
  await engine[set](true);
  busy = [`${word} A`, `${word} B`];
  await expect(engine.switchDevice(kind, `${word} B`)).rejects.toThrow("NotReadableError");
  expect(published()?.isMuted).toBe(true);

  busy = [`${word} B`];
  await engine[set](true);
  expect(live()).toEqual([`${word} A`]);
});

test.each(KINDS)("a %s that does not open anew is off", async (...of) => {
  const [word, , set] = of;
  const engine = begin();
  await engine[set](true);
  busy = [`${word} A`];
  await expect(engine.reopen(word)).rejects.toThrow("NotReadableError");
  expect(published()?.isMuted).toBe(true);
});

test("a camera is chosen again that nothing was left of when it was unplugged", async () => {
  const engine = begin();
  plugged = ["camera B"];
  await engine.setCamera(true);
  unplug("camera B");
  await vi.waitFor(() => expect(losses).toHaveLength(1));
  expect(losses).toMatchObject([{ lost: "The camera B", next: null }]);

  plugged = ["camera A"];
  await engine.setCamera(true);
  expect(live()).toEqual(["camera A"]);
});

test.each(KINDS)(
  "a %s that the library chose by itself is replaced like any other",
  async (...of) => {
    const [word, kind, set] = of;
    const engine = begin();
    await engine[set](true);
    await engine[set](false);
    await room.switchActiveDevice(kind, `${word} B`);
    unplug(`${word} B`);
    await engine[set](true);
    expect(live()).toEqual([`${word} A`]);

    const deviceId = { exact: `${word} B` };
    Object.assign(room.options, {
      audioCaptureDefaults: { deviceId },
      videoCaptureDefaults: { deviceId },
    });
    await room.localParticipant.unpublishTrack(published() as LocalTrack);
    await engine[set](true);
    expect(live()).toEqual([`${word} A`]);
  },
);

test.each(KINDS)(
  "a %s that gives nothing is opened anew, as another where it has gone",
  async (...of) => {
    const [word, kind, set] = of;
    const engine = begin();
    await engine[set](true);
    await room.switchActiveDevice(kind, `${word} B`);
    plugged = [`${word} A`];
    await engine.reopen(word);
    expect(live()).toEqual([`${word} A`]);
  },
);

test.each(KINDS)("a %s that may not be used any more is told so", async (...of) => {
  const [, , set] = of;
  const engine = begin();
  await engine[set](true);
  revoke();
  await vi.waitFor(() => expect(losses).toHaveLength(1));
  expect(losses).toMatchObject([{ denied: true, wasOff: false }]);
});

test("a muted microphone that may not be used any more is told so", async () => {
  const engine = begin();
  await engine.setMicrophone(true);
  await engine.setMicrophone(false);
  revoke();
  await vi.waitFor(() => expect(losses).toHaveLength(1));
  expect(losses).toMatchObject([{ denied: true, wasOff: true }]);
});

test("a shared screen whose window is closed is told so, once", async () => {
  let ended = 0;
  begin({ onShareEnded: () => void (ended += 1) });
  const source = new FakeTrack("video", "window");
  const track = new LocalVideoTrack(source.asTrack());
  const { localParticipant: me } = room;
  await me.publishTrack(track as LocalTrack, { source: Track.Source.ScreenShare });
  await remake();
  expect(ended).toBe(0);
  source.unplug();
  expect(ended).toBe(1);
});

/** In the settings of the browser. */
function revoke() {
  Object.assign(navigator, { permissions: { query: async () => ({ state: "denied" }) } });
  denied = true;
  opened.at(-1)?.unplug();
}

test("a camera with something drawn on it is called by its own name", async () => {
  const engine = begin();
  await engine.setCamera(true);
  const drawn = new FakeTrack("video", "drawn", {}, "0b3c5e1a");
  Object.assign(published() as object, { processor: processorOf(drawn) });
  expect(published()?.mediaStreamTrack).toBe(drawn);

  unplug("camera A");
  await vi.waitFor(() => expect(losses).toHaveLength(1));
  expect(losses).toMatchObject([{ lost: "The camera A", next: "The camera B" }]);
});

test("who is there is told before it is said that media are connected, or made anew", () => {
  const told: string[] = [];
  begin({
    onPeople: (people) => void told.push([...people.keys()].join(" ")),
    onStatus: (status) => void told.push(status),
  });
  room.remoteParticipants.set("ben", remote("ben"));
  room.emit(RoomEvent.ConnectionStateChanged, ConnectionState.Connected);
  room.remoteParticipants.clear();
  room.emit(RoomEvent.ConnectionStateChanged, ConnectionState.Reconnecting);

  expect(told).toEqual(["ben", "connected", "", "reconnecting"]);
});

const REFUSED = "refused";

test("while everything is published anew nothing is told to be off, and nothing opens twice", async () => {
  const told: unknown[] = [];
  const engine = begin({
    onLocal: (state) => void told.push(state),
    onRemaking: () => void told.push("remaking"),
    onRemade: (state) => void told.push(state),
  });
  await engine.setCamera(true);
  await engine.setMicrophone(true);
  await Promise.resolve();
  told.length = 0;

  await remake();
  const on = { microphone: true, camera: true, screen: false };
  expect(told).toEqual(["remaking", on, ...told.slice(2)]);
  expect(told.slice(2)).toEqual(told.slice(2).map(() => on));
  expect(live().toSorted()).toEqual(["camera A", "microphone A"]);
});

test("a device that went away meanwhile comes back as another", async () => {
  const engine = begin();
  await engine.setCamera(true);
  await room.switchActiveDevice("videoinput", "camera B");
  plugged = ["camera A"];
  await remake();
  expect(live()).toEqual(["camera A"]);
  expect(room.localParticipant.isCameraEnabled).toBe(true);
});

test("what is not published anew is closed, and told to be missing", async () => {
  const remade: unknown[] = [];
  const engine = begin({ onRemade: (state) => void remade.push(state) });
  await engine.setCamera(true);
  await remake(() => Promise.reject(new Error(REFUSED)));
  expect(remade).toEqual([{ microphone: false, camera: false, screen: false }]);
  expect(live()).toEqual([]);
});

test.each(KINDS)("a %s that is switched off meanwhile does not come back", async (...of) => {
  const [, , set] = of;
  const engine = begin();
  await engine[set](true);
  await remake(async (publishAnew) => {
    await engine[set](false);
    await publishAnew();
  });
  await vi.waitFor(() => expect(published()).toBeUndefined());
  expect(live()).toEqual([]);
});

test.each([
  ["before it comes back", true],
  ["once it is back", false],
])("a shared screen that its owner ends meanwhile is gone, %s", async (_, before) => {
  const engine = begin();
  const source = new FakeTrack("video", "window");
  const track = new LocalVideoTrack(source.asTrack(), undefined, false) as LocalTrack;
  await room.localParticipant.publishTrack(track, { source: Track.Source.ScreenShare });
  await remake(async (publishAnew) => {
    if (before) await engine.setScreen(false);
    await publishAnew();
    if (!before) await engine.setScreen(false);
  });
  await vi.waitFor(() => expect(room.localParticipant.isScreenShareEnabled).toBe(false));
  expect(source.readyState).toBe("ended");
});

test("what is on its way back when the connection is lost is closed", async () => {
  const engine = begin();
  await engine.setCamera(true);
  await remake(() => {
    room.emit(RoomEvent.Disconnected);
    expect(live()).toEqual([]);
    return Promise.reject(new Error(REFUSED));
  });
});

/** A connection made wholly anew, as the library does that. */
async function remake(around = (publishAnew: () => Promise<unknown>) => publishAnew()) {
  const me = room.localParticipant;
  vi.spyOn(
    LocalParticipant.prototype as unknown as { publishOrRepublishTrack: typeof publish },
    "publishOrRepublishTrack",
  ).mockImplementation(function (this: LocalParticipant, ...given) {
    return around(() => publish.apply(this, given)) as ReturnType<typeof publish>;
  });
  const become = (state: ConnectionState) => {
    room.state = state;
    room.emit(RoomEvent.ConnectionStateChanged, state);
  };
  become(ConnectionState.Reconnecting);
  await me.republishAllTracks(undefined, true).catch((error: Error) => {
    if (error.message !== REFUSED) throw error;
  });
  become(ConnectionState.Connected);
  room.emit(RoomEvent.Reconnected);
  await Promise.resolve();
}

test("the connection ends when the page goes, not when the browser asks whether it shall", async () => {
  const told: string[] = [];
  const engine = begin({ onStatus: (status) => void told.push(status) });
  const leave = vi.spyOn(room, "disconnect").mockImplementation(async () => {
    room.emit(RoomEvent.ConnectionStateChanged, ConnectionState.Disconnected);
  });
  vi.spyOn(room, "connect").mockImplementation(async () => {
    // As the library does at this point.
    if (room.options.disconnectOnPageLeave)
      window.addEventListener("beforeunload", () => void room.disconnect());
  });
  await engine.connect(ACCESS, NOTHING_CHOSEN);

  window.dispatchEvent(new Event("beforeunload"));
  expect(leave).not.toHaveBeenCalled();
  window.dispatchEvent(new Event("pagehide"));
  expect(leave).toHaveBeenCalledTimes(1);
  expect(told).toEqual([]);
  // Back from the browser's memory.
  window.dispatchEvent(new Event("pageshow"));
  window.dispatchEvent(new Event("pageshow"));
  expect(told).toEqual(["lost"]);

  await engine.disconnect();
  leave.mockClear();
  window.dispatchEvent(new Event("pagehide"));
  expect(leave).not.toHaveBeenCalled();
});

const ACCESS: MediaAccess = {
  url: "ws://localhost",
  token: "token",
  iceServers: [],
  relayOnly: false,
  relayAfter: null,
};
const NOTHING_CHOSEN: DeviceChoice = { microphone: null, camera: null, speaker: null };

test("sound is kept while it is off, a picture is not", async () => {
  const told: PersonMedia[] = [];
  begin({ onPeople: (people) => void told.push(people.get(participantId("ben")) ?? NO_MEDIA) });
  const ben = sending("ben");
  room.emit(RoomEvent.ParticipantConnected, ben.participant);
  await Promise.resolve();
  ben.off(true);
  room.emit(RoomEvent.TrackMuted, ben.microphone, ben.participant);
  await Promise.resolve();

  const [on, off] = told;
  expect(on).toMatchObject({ microphone: "live", sound: { id: "s" }, camera: { id: "c" } });
  expect(off).toMatchObject({ microphone: "muted", camera: null });
  expect(off?.sound).toBe(on?.sound);
});

test("what changes at the same time is told once, and who has not changed is the same", async () => {
  const told: ReadonlyMap<ParticipantId, PersonMedia>[] = [];
  begin({ onPeople: (people) => void told.push(people) });
  const ben = sending("ben");
  room.emit(RoomEvent.ParticipantConnected, ben.participant);
  const cat = sending("cat");
  room.emit(RoomEvent.ParticipantConnected, cat.participant);
  await Promise.resolve();
  expect(told.map(({ size }) => size)).toEqual([2]);

  ben.off(true);
  room.emit(RoomEvent.TrackMuted, ben.microphone, ben.participant);
  room.emit(RoomEvent.ConnectionQualityChanged, cat.participant.connectionQuality, cat.participant);
  await Promise.resolve();
  room.emit(RoomEvent.ConnectionQualityChanged, cat.participant.connectionQuality, cat.participant);
  await Promise.resolve();
  expect(told).toHaveLength(2);
  expect(told[1]?.get(participantId("cat"))).toBe(told[0]?.get(participantId("cat")));
  expect(told[1]?.get(participantId("ben"))).not.toBe(told[0]?.get(participantId("ben")));
});

/** Somebody who sends sound and a picture. */
function sending(identity: string) {
  const sent = (trackSid: string) =>
    ({ trackSid, isMuted: false, track: {} }) as unknown as RemoteTrackPublication;
  const [microphone, camera] = [sent("s"), sent("c")];
  const participant = remote(identity);
  vi.spyOn(participant, "getTrackPublication").mockImplementation((source) =>
    source === Track.Source.Microphone
      ? microphone
      : source === Track.Source.Camera
        ? camera
        : undefined,
  );
  room.remoteParticipants.set(identity, participant);
  return {
    participant,
    microphone,
    off: (isMuted: boolean) => void [microphone, camera].map((p) => Object.assign(p, { isMuted })),
  };
}

/** Somebody of whom nothing is asked. */
const remote = (identity: string) => new RemoteParticipant({} as never, `PA_${identity}`, identity);

function begin(more: Partial<EngineHandlers> = {}) {
  const handlers = {
    onLocal: nothing,
    onPeople: nothing,
    onStatus: nothing,
    onMayPlaySound: nothing,
    onShareEnded: nothing,
    onInUse: nothing,
    onRemaking: nothing,
    onRemade: nothing,
    onDeviceLost: (loss: DeviceLoss) => losses.push(loss),
    ...more,
  };
  return createLiveKitEngine(handlers as unknown as EngineHandlers);
}

const live = () =>
  opened.flatMap(({ readyState, deviceId }) => (readyState === "live" ? deviceId : []));

const published = () => room.localParticipant.trackPublications.values().next().value?.track;

const processorOf = (processedTrack: FakeTrack) => ({
  processedTrack,
  restart: () => Promise.resolve(),
  destroy: () => Promise.resolve(),
});

function unplug(device: string) {
  plugged = plugged.filter((id) => id !== device);
  for (const track of opened) {
    if (track.deviceId === device && track.readyState === "live") track.unplug();
  }
}

/** As the green room opens a device that was chosen before. */
async function exactly(id: string): Promise<MediaStreamTrack> {
  const wish = { deviceId: { exact: id } };
  const stream = await getUserMedia(id.startsWith("camera") ? { video: wish } : { audio: wish });
  return stream.getTracks()[0] as MediaStreamTrack;
}

/** What a browser does with the devices that are plugged in. */
async function getUserMedia({ video, audio }: MediaStreamConstraints): Promise<MediaStream> {
  if (denied) throw failure("NotAllowedError");
  const wish = video || audio;
  const [kind, word] = video ? (["video", "camera"] as const) : (["audio", "microphone"] as const);
  const constraints = typeof wish === "object" ? wish : {};
  const { deviceId } = constraints;
  const { exact, ideal } =
    typeof deviceId === "object" && !Array.isArray(deviceId)
      ? deviceId
      : { exact: undefined, ideal: deviceId };
  const there = plugged.filter((id) => id.startsWith(word));
  const named = there.find((id) => id === (exact ?? ideal));
  if (exact !== undefined && named === undefined) throw failure("OverconstrainedError");
  const chosen = named ?? there[0];
  if (chosen === undefined) throw failure("NotFoundError");
  if (busy.includes(chosen)) throw failure("NotReadableError");
  const track = new FakeTrack(kind, chosen, constraints);
  track.facingMode = chosen === rear ? "environment" : "user";
  opened.push(track);
  return new MediaStream([track.asTrack()]);
}

const failure = (name: string) => Object.assign(new Error(name), { name });

/** The library's part in publishing that a server is not needed for. */
async function publish(
  this: LocalParticipant,
  made: LocalTrack | MediaStreamTrack,
  options?: { source?: Track.Source },
): Promise<LocalTrackPublication> {
  const track = made as LocalTrack;
  if (options?.source) track.source = options.source;
  const info = new TrackInfo({
    sid: crypto.randomUUID(),
    source: Track.sourceToProto(track.source),
  });
  const publication = new LocalTrackPublication(track.kind, info, track);
  const inside = this as unknown as {
    addTrackPublication(publication: LocalTrackPublication): void;
    handleTrackEnded(track: LocalTrack): Promise<void>;
  };
  inside.addTrackPublication(publication);
  track.on(TrackEvent.Ended, (ended) => void inside.handleTrackEnded(ended as LocalTrack));
  this.emit(ParticipantEvent.LocalTrackPublished, publication);
  return publication;
}
