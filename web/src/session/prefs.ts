/** What this browser remembers between meetings. Nothing about other people, nothing secret. */
import { ALERTS, USUALLY_QUIET, type Alert } from "./alerts";
import { NONE, readBackground, type Background } from "./background/choice";
import { createStore, type Readable } from "./store";

export type Theme = "system" | "light" | "dark";
export const PANELS = ["people", "chat", "waiting", "polls", "breakout"] as const;
export type Panel = (typeof PANELS)[number];
export type Layout = "grid" | "speaker";
/** Where my own picture is: among the others, small over them, or nowhere. */
export type SelfView = "among" | "corner" | "hidden";
/** Of the stage; start and end as one reads. */
export type Corner = "top-start" | "top-end" | "bottom-start" | "bottom-end";

/** The most that is fetched of each picture of somebody's camera. */
export const VIDEO_QUALITIES = ["low", "medium", "high"] as const;
export type VideoQuality = (typeof VIDEO_QUALITIES)[number];
/** How many people a page of the stage may hold; `null` is as many as it has room for. */
export const TILES_PER_PAGE = [4, 6, 9, 12, 16] as const;

export interface Prefs {
  readonly theme: Theme;
  /** A language code we ship, or `null` to follow the browser. */
  readonly language: string | null;
  readonly name: string;
  readonly microphone: string | null;
  readonly camera: string | null;
  readonly speaker: string | null;
  /** Whether the green room opens with them on. */
  readonly joinWithMicrophone: boolean;
  readonly joinWithCamera: boolean;
  readonly shortcuts: boolean;
  /** Shortcuts that were changed, by action: another key, or `null` for none. */
  readonly keys: Readonly<Record<string, string | null>>;
  readonly mirrorSelf: boolean;
  /** What is behind this person in their camera's picture. */
  readonly background: Background;
  /** Draws it less often, for devices that hardly keep up. */
  readonly backgroundSaving: boolean;
  /** Sounds for what happens: a raised hand, somebody at the door. */
  readonly sounds: boolean;
  /** A word from the system while the page is out of sight. */
  readonly desktopNotices: boolean;
  /** Whether that was offered when it was missed first; nobody is asked twice. */
  readonly desktopOffered: boolean;
  /** What is neither heard nor told by the system. */
  readonly quiet: readonly Alert[];
  /** How loud people, and what they share, are played here: 0 to 1. */
  readonly volume: number;
  readonly shareVolume: number;
  /** What is fetched over a thin line. */
  readonly videoQuality: VideoQuality;
  readonly showCameras: boolean;
  readonly showShares: boolean;
  readonly tilesPerPage: number | null;
  /** Whether people who speak come to the first page where there are several. */
  readonly speakersForward: boolean;
  readonly layout: Layout;
  /** `null` leaves it to the number of people: small beside one other person. */
  readonly selfView: SelfView | null;
  readonly selfCorner: Corner;
  readonly panel: Panel | null;
  /** CSS pixels. */
  readonly panelWidth: number;
  readonly recent: readonly RecentRoom[];
}

export interface RecentRoom {
  readonly code: string;
  readonly title: string;
}

export const LAYOUTS: readonly Layout[] = ["grid", "speaker"];
export const SELF_VIEWS: readonly SelfView[] = ["among", "corner", "hidden"];
export const CORNERS: readonly Corner[] = ["top-start", "top-end", "bottom-end", "bottom-start"];

const KEY = "plenum.prefs";
const MAX_RECENT = 5;
const MAX_KEYS = 50;
export const PANEL_WIDTH = { min: 260, max: 560, usual: 340 } as const;

export const DEFAULTS: Prefs = {
  theme: "system",
  language: null,
  name: "",
  microphone: null,
  camera: null,
  speaker: null,
  joinWithMicrophone: true,
  joinWithCamera: true,
  shortcuts: true,
  keys: {},
  mirrorSelf: true,
  background: NONE,
  backgroundSaving: false,
  sounds: true,
  desktopNotices: false,
  desktopOffered: false,
  quiet: USUALLY_QUIET,
  volume: 1,
  shareVolume: 1,
  videoQuality: "high",
  showCameras: true,
  showShares: true,
  tilesPerPage: null,
  speakersForward: true,
  layout: "grid",
  selfView: null,
  selfCorner: "bottom-end",
  panel: null,
  panelWidth: PANEL_WIDTH.usual,
  recent: [],
};

/** Takes only what has the right type; a damaged or older record loses no more than what is damaged. */
export function readPrefs(text: string | null): Prefs {
  let raw: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(text ?? "{}");
    if (typeof parsed === "object" && parsed !== null) raw = parsed as Record<string, unknown>;
  } catch {
    return DEFAULTS;
  }
  const word = (key: keyof Prefs) => (typeof raw[key] === "string" ? (raw[key] as string) : null);
  const flag = (key: keyof Prefs) =>
    typeof raw[key] === "boolean" ? (raw[key] as boolean) : (DEFAULTS[key] as boolean);
  const oneOf = <T extends string>(key: keyof Prefs, known: readonly T[]): T | null =>
    known.find((value) => value === raw[key]) ?? null;
  const share = (key: "volume" | "shareVolume") => {
    const value = raw[key];
    return typeof value === "number" && value >= 0 && value <= 1 ? value : DEFAULTS[key];
  };
  const width = raw["panelWidth"];
  const quiet = raw["quiet"];
  const recent = Array.isArray(raw["recent"]) ? (raw["recent"] as unknown[]) : [];
  return {
    theme: oneOf("theme", ["light", "dark"] as const) ?? "system",
    language: word("language"),
    name: (word("name") ?? "").slice(0, 100),
    microphone: word("microphone"),
    camera: word("camera"),
    speaker: word("speaker"),
    joinWithMicrophone: flag("joinWithMicrophone"),
    joinWithCamera: flag("joinWithCamera"),
    shortcuts: flag("shortcuts"),
    keys: keysFrom(raw["keys"]),
    mirrorSelf: flag("mirrorSelf"),
    background: readBackground(raw["background"]),
    backgroundSaving: flag("backgroundSaving"),
    sounds: flag("sounds"),
    desktopNotices: flag("desktopNotices"),
    desktopOffered: flag("desktopOffered"),
    quiet: Array.isArray(quiet) ? ALERTS.filter((alert) => quiet.includes(alert)) : DEFAULTS.quiet,
    volume: share("volume"),
    shareVolume: share("shareVolume"),
    videoQuality: oneOf("videoQuality", VIDEO_QUALITIES) ?? DEFAULTS.videoQuality,
    showCameras: flag("showCameras"),
    showShares: flag("showShares"),
    tilesPerPage: TILES_PER_PAGE.find((count) => count === raw["tilesPerPage"]) ?? null,
    speakersForward: flag("speakersForward"),
    layout: oneOf("layout", LAYOUTS) ?? DEFAULTS.layout,
    selfView: oneOf("selfView", SELF_VIEWS),
    selfCorner: oneOf("selfCorner", CORNERS) ?? DEFAULTS.selfCorner,
    panel: oneOf("panel", ["people", "chat"] as const),
    panelWidth: typeof width === "number" ? clampWidth(width) : PANEL_WIDTH.usual,
    recent: recent.filter(isRecent).slice(0, MAX_RECENT),
  };
}

function keysFrom(raw: unknown): Prefs["keys"] {
  if (typeof raw !== "object" || raw === null) return {};
  const isKey = ([, key]: [string, unknown]) =>
    key === null || (typeof key === "string" && [...key].length === 1);
  return Object.fromEntries(Object.entries(raw).filter(isKey).slice(0, MAX_KEYS)) as Prefs["keys"];
}

function isRecent(entry: unknown): entry is RecentRoom {
  if (typeof entry !== "object" || entry === null) return false;
  const { code, title } = entry as Record<string, unknown>;
  return typeof code === "string" && code !== "" && typeof title === "string";
}

export const clampWidth = (width: number): number =>
  Math.round(Math.min(PANEL_WIDTH.max, Math.max(PANEL_WIDTH.min, width)));

export interface PrefsStore extends Readable<Prefs> {
  change(part: Partial<Prefs>): void;
  visited(room: RecentRoom): void;
}

export function createPrefs(storage: Pick<Storage, "getItem" | "setItem"> | null): PrefsStore {
  const read = () => {
    try {
      return storage?.getItem(KEY) ?? null;
    } catch {
      return null;
    }
  };
  const store = createStore(readPrefs(read()));
  const change = (part: Partial<Prefs>) => {
    store.update((now) => ({ ...now, ...part }));
    try {
      storage?.setItem(KEY, JSON.stringify(store.getSnapshot()));
    } catch {
      // A full or forbidden storage only means that the next visit starts with the defaults.
    }
  };
  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    change,
    visited(room) {
      const others = store.getSnapshot().recent.filter(({ code }) => code !== room.code);
      change({ recent: [room, ...others].slice(0, MAX_RECENT) });
    },
  };
}
