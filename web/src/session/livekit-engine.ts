/** The media engine over `livekit-client`. Only files named `livekit-*` know that library. */
import {
  ConnectionState,
  createLocalAudioTrack,
  LocalAudioTrack,
  LogLevel,
  RemoteVideoTrack,
  Room,
  RoomEvent,
  ScreenSharePresets,
  setLogLevel,
  Track,
  TrackEvent,
  VideoPresets,
  VideoQuality,
  type ElementInfo,
  type LocalTrack,
  type RemoteTrackPublication,
} from "livekit-client";
import { browserOf } from "../kit/browser";
import type { MediaAccess } from "../wire/types";
import { figuresOf, type Entry } from "./figures";
import { createInTurn } from "./in-turn";
import { watchLevel } from "./level";
import { createCamera } from "./livekit-camera";
import { devicesInUse, publishOpened, reopenDevice, soften, switchDevice } from "./livekit-device";
import { watchFlow } from "./livekit-flow";
import { createLossWatch } from "./livekit-loss";
import { createPeopleTeller, personOf } from "./livekit-people";
import { watchRemaking } from "./livekit-remade";
import { watchWay } from "./livekit-way";
import { MediaFullError, saysFull } from "./media-full";
import { createVoiceJudge } from "./own-voice";
import type {
  DeviceChoice,
  DeviceKind,
  EngineHandlers,
  MediaEngine,
  MediaStatus,
  OpenTracks,
} from "./media";

// What matters is on the screen; an expected reconnect is no error in the console.
setLogLevel(LogLevel.silent);

const VOICE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true } as const;

/** So long a new picture may wait for its place on the screen. */
const UNSEEN_MS = 1_000;

/** An element that is never seen. */
const createUnseen = (): ElementInfo => ({
  element: {},
  width: () => 0,
  height: () => 0,
  visible: false,
  pictureInPicture: false,
  visibilityChangedAt: undefined,
  observe: () => undefined,
  stopObserving: () => undefined,
});

/**
 * The library fetches a picture that was never shown, for instance of people on another page, until it has been hidden
 * once.
 */
function stopUnlessShown(track: RemoteVideoTrack) {
  setTimeout(() => {
    if (track.attachedElements.length === 0) track.observeElementInfo(createUnseen());
  }, UNSEEN_MS);
}

const STATUS: Readonly<Record<ConnectionState, MediaStatus>> = {
  [ConnectionState.Connected]: "connected",
  [ConnectionState.Connecting]: "connecting",
  [ConnectionState.Disconnected]: "lost",
  [ConnectionState.Reconnecting]: "reconnecting",
  [ConnectionState.SignalReconnecting]: "reconnecting",
};

const QUALITY = {
  low: VideoQuality.LOW,
  medium: VideoQuality.MEDIUM,
  high: VideoQuality.HIGH,
} as const;

export function createLiveKitEngine(handlers: EngineHandlers): MediaEngine {
  const room = new Room({
    adaptiveStream: true,
    dynacast: true,
    // The library would leave as soon as the browser asks whether to leave.
    disconnectOnPageLeave: false,
    videoCaptureDefaults: { resolution: VideoPresets.h720.resolution },
    audioCaptureDefaults: VOICE,
    publishDefaults: {
      simulcast: true,
      videoCodec: "vp8",
      videoSimulcastLayers: [VideoPresets.h180, VideoPresets.h360],
      screenShareEncoding: ScreenSharePresets.h1080fps15.encoding,
      // Kept running while muted, so that "you are muted" can be said to someone who talks.
      stopMicTrackOnMute: false,
      dtx: true,
      red: true,
    },
  });
  let leaving = false;
  /** The page has gone. Nobody is told of what ends with it, unless it comes back from the browser's memory. */
  let hidden = false;
  const onPageHide = () => {
    hidden = true;
    void room.disconnect().catch(() => undefined);
  };
  const onPageShow = () => {
    if (!hidden) return;
    hidden = false;
    handlers.onStatus("lost");
  };
  let open: OpenTracks = { microphone: null, camera: null };
  /** The device brought along, once, if it is still open. */
  const brought = (which: keyof OpenTracks): MediaStreamTrack | null => {
    const track = open[which];
    open = { ...open, [which]: null };
    return track?.readyState === "live" ? track : null;
  };
  let stopListening: (() => void) | null = null;
  /** All that my microphone was heard to give, by which one sees whether there was anything. */
  let heard: number | null = null;
  let missing: ReadonlySet<string> = new Set();
  let still = false;
  let stopWatching: (() => void) | null = null;
  let stopWatchingWay: (() => void) | null = null;

  const remaking = watchRemaking(room, {
    onBegun: handlers.onRemaking,
    onDone: () => handlers.onRemade(local()),
  });
  const camera = createCamera(room, remaking, {
    brought: () => brought("camera"),
    onBackground: handlers.onBackground,
    onSettled: () => tellLocal(),
  });

  const people = createPeopleTeller(
    room,
    { missing: () => missing, still: () => still },
    handlers.onPeople,
  );
  const local = () => ({
    microphone: room.localParticipant.isMicrophoneEnabled,
    camera: camera.isOn(),
    screen: room.localParticipant.isScreenShareEnabled,
  });
  const tellInUse = () => handlers.onInUse(devicesInUse(room));
  // Also one that the library takes by itself.
  room.on(RoomEvent.ActiveDeviceChanged, tellInUse);
  /** A moment later, so that the clean-up of a lost connection is not taken for somebody's wish. */
  const tellLocal = () =>
    queueMicrotask(() => {
      if (room.state === ConnectionState.Disconnected || remaking.isUnderWay()) return;
      handlers.onLocal(local());
      tellInUse();
    });

  /** Hears what the microphone hears, also while it is muted. */
  const listenToMyself = () => {
    stopListening?.();
    stopListening = null;
    heard = null;
    const publication = room.localParticipant.getTrackPublication(Track.Source.Microphone);
    const source = publication?.track?.mediaStreamTrack;
    if (!source) return;
    const ear = source.clone();
    ear.enabled = true;
    const judge = createVoiceJudge();
    const hear = (level: number, now: number) => {
      heard = (heard ?? 0) + level;
      const muted = !room.localParticipant.isMicrophoneEnabled;
      if (judge({ level, muted, now }) !== null) handlers.onTalkingWhileMuted();
    };
    const stop = watchLevel(new MediaStream([ear]), hear, (asleep) => {
      if (asleep) heard = null;
    });
    stopListening = () => {
      stop();
      ear.stop();
    };
  };

  const refresh = [
    RoomEvent.ParticipantConnected,
    RoomEvent.ParticipantDisconnected,
    RoomEvent.TrackPublished,
    RoomEvent.TrackUnpublished,
    RoomEvent.TrackSubscribed,
    RoomEvent.TrackUnsubscribed,
    RoomEvent.TrackMuted,
    RoomEvent.TrackUnmuted,
    RoomEvent.LocalTrackPublished,
    RoomEvent.LocalTrackUnpublished,
    RoomEvent.ConnectionQualityChanged,
    RoomEvent.ActiveDeviceChanged,
    RoomEvent.Reconnected,
  ] as const;
  for (const event of refresh) room.on(event, people.tell);
  const localRefresh = [
    RoomEvent.LocalTrackPublished,
    RoomEvent.LocalTrackUnpublished,
    RoomEvent.TrackMuted,
    RoomEvent.TrackUnmuted,
    RoomEvent.Reconnected,
  ] as const;
  for (const event of localRefresh) room.on(event, tellLocal);
  let quality: VideoQuality = VideoQuality.HIGH;
  const limit = (publication: RemoteTrackPublication) => {
    if (publication.source === Track.Source.Camera && publication.isSubscribed)
      publication.setVideoQuality(quality);
  };
  room.on(RoomEvent.TrackSubscribed, (track, publication) => {
    // Asking for the largest size would fetch it before anybody knows how large it will be shown.
    if (quality !== VideoQuality.HIGH) limit(publication);
    if (track instanceof RemoteVideoTrack) stopUnlessShown(track);
  });
  const watchDevice = createLossWatch(handlers.onDeviceLost);
  room.on(RoomEvent.LocalTrackPublished, ({ source, track }) => {
    if (!track) return;
    if (source === Track.Source.Microphone) {
      watchDevice(track, "audioinput");
      listenToMyself();
      track.off(TrackEvent.Restarted, listenToMyself);
      track.on(TrackEvent.Restarted, listenToMyself);
    }
    if (source === Track.Source.ScreenShare) {
      track.off(TrackEvent.Ended, handlers.onShareEnded);
      track.on(TrackEvent.Ended, handlers.onShareEnded);
    }
    if (source === Track.Source.Camera) watchDevice(track, "videoinput");
  });
  room.on(RoomEvent.LocalTrackUnpublished, (publication) => {
    if (publication.source === Track.Source.Microphone) listenToMyself();
  });
  room.on(RoomEvent.ActiveSpeakersChanged, (speakers) =>
    handlers.onSpeaking(new Set(speakers.map(({ identity }) => personOf(identity)))),
  );
  room.on(RoomEvent.ConnectionStateChanged, (state) => {
    // Nobody is taken for silent who has not been told of yet, nor as they were before everything is fetched anew.
    people.flush();
    if (!leaving && !hidden) handlers.onStatus(STATUS[state]);
  });
  room.on(RoomEvent.AudioPlaybackStatusChanged, () =>
    handlers.onMayPlaySound(room.canPlaybackAudio),
  );

  /** Told to the library as well, so that it takes another when that one goes away. */
  const soundFrom = (id: string) => room.switchActiveDevice("audiooutput", id);

  /** What publishes the microphone, or switches it: two at once would publish it twice. */
  const inTurn = createInTurn();
  const publishMicrophone = async (muted: boolean) => {
    const ready = brought("microphone");
    soften(room.options.audioCaptureDefaults);
    const track = ready
      ? new LocalAudioTrack(ready, undefined, false)
      : await createLocalAudioTrack(room.options.audioCaptureDefaults);
    await publishOpened(room, track as LocalTrack, Track.Source.Microphone, async () => {
      if (muted) await track.mute();
    });
  };

  return {
    async connect(access: MediaAccess, choice: DeviceChoice) {
      leaving = false;
      window.addEventListener("pagehide", onPageHide);
      window.addEventListener("pageshow", onPageShow);
      if (choice.microphone)
        room.options.audioCaptureDefaults = {
          ...room.options.audioCaptureDefaults,
          deviceId: choice.microphone,
        };
      if (choice.camera)
        room.options.videoCaptureDefaults = {
          ...room.options.videoCaptureDefaults,
          deviceId: choice.camera,
        };
      // Where the browser cannot move sound, it comes from where it comes.
      if (choice.speaker) await soundFrom(choice.speaker).catch(() => undefined);
      try {
        await room.connect(access.url, access.token, {
          autoSubscribe: true,
          ...(access.iceServers.length > 0 || access.relayOnly
            ? {
                rtcConfig: {
                  iceServers: [...access.iceServers],
                  iceTransportPolicy: access.relayOnly ? "relay" : "all",
                },
              }
            : {}),
        });
      } catch (error) {
        throw (await saysFull(access)) ? new MediaFullError() : error;
      }
      stopWatching ??= watchFlow(room, {
        onStuck(devices) {
          handlers.onStuck(devices);
          still = devices.camera !== null;
          people.tell();
        },
        onMissing(publications) {
          missing = publications;
          people.tell();
        },
        heard: () => heard,
      });
      stopWatchingWay ??= watchWay(room);
      people.tell();
      tellLocal();
    },
    adopt(tracks) {
      for (const which of ["microphone", "camera"] as const) brought(which)?.stop();
      open = tracks;
    },
    release: (device) => brought(device)?.stop(),
    publishMicrophone: (muted) => inTurn(() => publishMicrophone(muted)),
    setMicrophone: (on) =>
      inTurn(async () => {
        const me = room.localParticipant;
        if (!on && remaking.isUnderWay()) return remaking.switchOff(Track.Source.Microphone);
        const published = me.getTrackPublication(Track.Source.Microphone);
        if (on && open.microphone && !published) return publishMicrophone(false);
        soften(published?.audioTrack?.constraints);
        soften(room.options.audioCaptureDefaults);
        await me.setMicrophoneEnabled(on);
      }),
    setCamera: camera.set,
    setBackground: camera.setBackground,
    async setScreen(on) {
      if (!on && remaking.isUnderWay()) {
        return remaking.switchOff(Track.Source.ScreenShare, Track.Source.ScreenShareAudio);
      }
      await room.localParticipant.setScreenShareEnabled(on, {
        audio: true,
        // Safari takes a wish for a size as one for a part of the screen.
        ...(browserOf(navigator.userAgent) === "Safari"
          ? {}
          : { resolution: ScreenSharePresets.h1080fps15.resolution }),
        selfBrowserSurface: "include",
        surfaceSwitching: "include",
        systemAudio: "include",
        contentHint: "detail",
      });
    },
    async switchDevice(kind: DeviceKind, id: string) {
      if (kind === "videoinput") return camera.switchTo(id);
      await switchDevice(room, kind, id);
      if (kind === "audioinput") listenToMyself();
    },
    async reopen(device) {
      if (device === "camera") return camera.reopen();
      const source = Track.Source.Microphone;
      const track = room.localParticipant.getTrackPublication(source)?.track;
      if (track instanceof LocalAudioTrack) await reopenDevice(track as LocalTrack);
    },
    startSound: () => room.startAudio(),
    limitVideo(wanted) {
      quality = QUALITY[wanted];
      for (const { trackPublications } of room.remoteParticipants.values()) {
        for (const publication of trackPublications.values()) limit(publication);
      }
    },
    async measure() {
      const entries: [string, Entry][] = [];
      for (const participant of [room.localParticipant, ...room.remoteParticipants.values()]) {
        for (const { track } of participant.trackPublications.values()) {
          const report = await track?.getRTCStatsReport();
          report?.forEach((entry: Entry) =>
            entries.push([participant.isLocal ? "out" : "in", entry]),
          );
        }
      }
      return figuresOf(entries);
    },
    async disconnect() {
      leaving = true;
      window.removeEventListener("pagehide", onPageHide);
      window.removeEventListener("pageshow", onPageShow);
      stopListening?.();
      stopListening = null;
      stopWatching?.();
      stopWatching = null;
      stopWatchingWay?.();
      stopWatchingWay = null;
      for (const which of ["microphone", "camera"] as const) brought(which)?.stop();
      await room.disconnect(true);
    },
  };
}
