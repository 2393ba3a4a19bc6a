import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { MediaAccess } from "../wire/types";
import type { Media, MediaStatus } from "./media";
import { createMediaRecovery } from "./media-recovery";

const ACCESS: MediaAccess = {
  url: "wss://here",
  token: "token",
  iceServers: [{ urls: ["turn:here"], username: "u", credential: "p" }],
  relayOnly: false,
  relayAfter: 10_000,
};

/** Media that is lost and stays so until `succeeds` is set. */
function lostMedia() {
  let status: MediaStatus = "lost";
  let full = false;
  const listeners = new Set<() => void>();
  const tried: MediaAccess[] = [];
  const fake = {
    tried,
    succeeds: false,
    getSnapshot: () => ({ status, full }),
    subscribe(tell: () => void) {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    connect(access: MediaAccess) {
      tried.push(access);
      if (!fake.succeeds) return Promise.reject(new Error("no way"));
      fake.become("connected");
      return Promise.resolve();
    },
    fills() {
      full = true;
    },
    become(next: MediaStatus) {
      status = next;
      listeners.forEach((tell) => tell());
    },
  };
  return fake;
}

const DEVICES = { microphone: null, camera: null, speaker: null };

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("after a long time without a connection nothing but the relay is tried, until one comes about", async () => {
  const media = lostMedia();
  const recovery = createMediaRecovery(
    media as unknown as Media,
    () => DEVICES as never,
    () => recovery.access(ACCESS),
  );

  await vi.advanceTimersByTimeAsync(9_000);
  expect(media.tried.map((access) => access.relayOnly)).toEqual([false, false]);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(media.tried.at(-1)?.relayOnly).toBe(true);

  media.succeeds = true;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(media.getSnapshot().status).toBe("connected");
  media.become("lost");
  await vi.advanceTimersByTimeAsync(2_500);
  expect(media.tried.at(-1)?.relayOnly).toBe(false);
  recovery.dispose();
});

test("the relay alone is tried only where the server says so", async () => {
  const media = lostMedia();
  const recovery = createMediaRecovery(
    media as unknown as Media,
    () => DEVICES as never,
    () => recovery.access({ ...ACCESS, relayAfter: null }),
  );

  await vi.advanceTimersByTimeAsync(120_000);

  expect(media.tried.length).toBeGreaterThan(3);
  expect(media.tried.some((access) => access.relayOnly)).toBe(false);
  recovery.dispose();
});

test("a server without a place is asked less often, by each at another time, and is no reason for a detour", async () => {
  const triesWith = async (random: number, full: boolean) => {
    const media = lostMedia();
    if (full) media.fills();
    const recovery = createMediaRecovery(
      media as unknown as Media,
      () => DEVICES as never,
      () => recovery.access(ACCESS),
      () => random,
    );
    await vi.advanceTimersByTimeAsync(60_000);
    recovery.dispose();
    expect(full && media.tried.some((access) => access.relayOnly)).toBe(false);
    return media.tried.length;
  };
  const patient = await triesWith(1, true);
  const eager = await triesWith(0, true);
  expect(patient).toBeGreaterThan(2);
  expect(patient).toBeLessThan(eager);
  expect(await triesWith(1, false)).toBe(eager);
});
