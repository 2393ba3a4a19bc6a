/**
 * The way back for sound and picture. The engine heals short cuts by itself; after it has given up, new
 * access is asked for, again and again with growing patience, until it works or the visit ends.
 */
import type { MediaAccess } from "../wire/types";
import type { DeviceChoice, Media } from "./media";

/** Waits before each try; the last one repeats. */
const WAITS_MS = [2_000, 4_000, 8_000, 15_000, 30_000];
/** Where there is no place for one more, all who wait for it come up to so much later, and not all at once. */
const SPREAD = 1;

export interface MediaRecovery {
  /** New access has come; used only while there is something to recover. */
  access(access: MediaAccess): void;
  dispose(): void;
}

export function createMediaRecovery(
  media: Media,
  /** The choice as it is at that moment: devices are changed in the middle of meetings. */
  devices: () => DeviceChoice,
  askAccess: () => void,
  random: () => number = Math.random,
): MediaRecovery {
  let tries = 0;
  let connecting = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  let lostAt: number | null = null;

  const isLost = () => media.getSnapshot().status === "lost";
  const look = () => {
    const { status } = media.getSnapshot();
    if (status === "connected") lostAt = null;
    else if (status === "lost") lostAt ??= Date.now();
    schedule();
  };
  /** After a long time without a connection only the relay is left to try, if the server says so. */
  const narrowed = (access: MediaAccess): MediaAccess => {
    // A server without a place is no network that lets nothing through.
    const waited = lostAt === null || media.getSnapshot().full ? 0 : Date.now() - lostAt;
    const isDue =
      access.relayAfter !== null && access.iceServers.length > 0 && waited >= access.relayAfter;
    return isDue ? { ...access, relayOnly: true } : access;
  };
  const schedule = () => {
    if (!isLost() || timer !== undefined) return;
    const wait = WAITS_MS[Math.min(tries, WAITS_MS.length - 1)] ?? 0;
    tries += 1;
    const later = media.getSnapshot().full ? 1 + SPREAD * random() : 1;
    timer = setTimeout(() => {
      timer = undefined;
      if (!isLost()) return;
      if (!connecting) askAccess();
      schedule();
    }, wait * later);
  };
  const connect = async (access: MediaAccess) => {
    connecting = true;
    try {
      await media.connect(narrowed(access), devices());
      tries = 0;
    } catch {
      if (media.getSnapshot().full) lostAt = Date.now();
      schedule();
    } finally {
      connecting = false;
    }
  };
  const unsubscribe = media.subscribe(look);
  // Lost from the start, when the first connection failed.
  look();

  return {
    access(access) {
      if (isLost() && !connecting) void connect(access);
    },
    dispose() {
      unsubscribe();
      clearTimeout(timer);
    },
  };
}
