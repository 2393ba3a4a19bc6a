/** Looks at regular times whether what is on the air really flows, my own devices and the pictures of the others. */
import {
  ConnectionState,
  Track,
  type LocalTrack,
  type RemoteTrack,
  type RemoteTrackPublication,
  type Room,
} from "livekit-client";
import {
  arrivedIn,
  createDeviceJudge,
  createPictureJudge,
  givenIn,
  type StuckDevices,
} from "./flow";

const EVERY_MS = 2_000;

export interface FlowTold {
  onStuck(devices: StuckDevices): void;
  /** The ids of the publications of which nothing arrives. */
  onMissing(publications: ReadonlySet<string>): void;
  /** What the microphone was heard to give, where the browser does not count that; `null` where nobody listens. */
  heard(): number | null;
}

const SOURCES = { microphone: Track.Source.Microphone, camera: Track.Source.Camera } as const;

/** Returns the way to stop. */
export function watchFlow(room: Room, told: FlowTold): () => void {
  let mine = freshJudges();
  let theirs = new Map<string, ReturnType<typeof createPictureJudge>>();
  let stuck: StuckDevices = { microphone: null, camera: null };
  let missing: ReadonlySet<string> = new Set();
  let looking = false;
  let stopped = false;

  const lookAtMine = async (which: keyof typeof SOURCES, now: number) => {
    const publication = room.localParticipant.getTrackPublication(SOURCES[which]);
    const track = publication?.track as LocalTrack | undefined;
    const on = track !== undefined && !publication?.isMuted;
    const judge = mine[which].of(track?.mediaStreamTrack.id ?? null);
    const entries = on ? await entriesOf(track) : [];
    const { given, energy } = givenIn(entries);
    return judge({
      now,
      on,
      held: track?.mediaStreamTrack.muted ?? false,
      given,
      energy: which === "microphone" && on ? (energy ?? told.heard()) : null,
    });
  };

  const lookAtTheirs = async (now: number) => {
    const judges = new Map<string, ReturnType<typeof createPictureJudge>>();
    const found = new Set<string>();
    const looks = [...room.remoteParticipants.values()]
      .flatMap(({ videoTrackPublications }) => [...videoTrackPublications.values()])
      .map(async (publication) => {
        const { trackSid, source } = publication;
        const track = publication.track as RemoteTrack | undefined;
        const judge = theirs.get(trackSid) ?? createPictureJudge();
        judges.set(trackSid, judge);
        const expected = track !== undefined && isExpected(publication as RemoteTrackPublication);
        const entries = expected ? await entriesOf(track) : [];
        const kind = source === Track.Source.ScreenShare ? "screen" : "camera";
        if (judge({ count: arrivedIn(entries, kind), expected, now })) found.add(trackSid);
      });
    await Promise.all(looks);
    theirs = judges;
    return found;
  };

  const look = async () => {
    const now = performance.now();
    if (room.state !== ConnectionState.Connected) {
      // That nothing comes then is said elsewhere.
      mine = freshJudges();
      theirs = new Map();
      return { devices: { microphone: null, camera: null }, found: new Set<string>() };
    }
    const [microphone, camera, found] = await Promise.all([
      lookAtMine("microphone", now),
      lookAtMine("camera", now),
      lookAtTheirs(now),
    ]);
    return { devices: { microphone, camera }, found };
  };

  const turn = async () => {
    if (looking) return;
    looking = true;
    try {
      const { devices, found } = await look();
      if (stopped) return;
      if (devices.microphone !== stuck.microphone || devices.camera !== stuck.camera) {
        stuck = devices;
        told.onStuck(stuck);
      }
      if (found.size !== missing.size || [...found].some((sid) => !missing.has(sid))) {
        missing = found;
        told.onMissing(missing);
      }
    } finally {
      looking = false;
    }
  };
  // A track that ends while it is looked at; the next look sees that.
  const timer = setInterval(() => void turn().catch(() => undefined), EVERY_MS);
  return () => {
    stopped = true;
    clearInterval(timer);
  };
}

/** A device judged as long as it is the same one: whichever takes its place begins anew. */
function freshJudge() {
  let judged: string | null = null;
  let judge = createDeviceJudge();
  return {
    of(track: string | null) {
      if (track !== judged) judge = createDeviceJudge();
      judged = track;
      return judge;
    },
  };
}

const freshJudges = () => ({ microphone: freshJudge(), camera: freshJudge() });

/** What is on the screen is fetched, unless its owner has it off. */
function isExpected(publication: RemoteTrackPublication): boolean {
  const { isSubscribed, isEnabled, isMuted, track } = publication;
  const isShown = (track?.attachedElements.length ?? 0) > 0 && !document.hidden;
  return isSubscribed && isEnabled && !isMuted && isShown;
}

async function entriesOf(
  track: Pick<Track, "getRTCStatsReport">,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const entries: Readonly<Record<string, unknown>>[] = [];
  const report = await track.getRTCStatsReport();
  report?.forEach((entry: Readonly<Record<string, unknown>>) => entries.push(entry));
  return entries;
}
