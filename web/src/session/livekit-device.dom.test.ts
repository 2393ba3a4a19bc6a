import {
  ConnectionState,
  LocalParticipant,
  Track,
  type LocalTrack,
  type Room,
} from "livekit-client";
import { afterEach, expect, test, vi } from "vitest";
import { FakeTrack } from "../../tests/fake-track";
import { publishOpened } from "./livekit-device";
import { createLiveKitEngine } from "./livekit-engine";
import type { EngineHandlers } from "./media";

afterEach(() => {
  vi.restoreAllMocks();
});

test.each([
  ["is published", { closes: false }],
  ["is closed where the server refuses it", { refuses: true }],
  ["is closed where it could not be made ready", { fails: true }],
  ["is closed where the connection has gone meanwhile", { state: ConnectionState.Disconnected }],
])("a device that was opened %s", async (_, how) => {
  const { refuses, fails, state, closes } = {
    refuses: false,
    fails: false,
    closes: true,
    state: ConnectionState.Connected,
    ...how,
  };
  const room = {
    state,
    localParticipant: { publishTrack: () => (refuses ? Promise.reject(new Error("403")) : null) },
  } as unknown as Room;
  const stop = vi.fn<() => void>();
  const done = publishOpened(
    room,
    { stop } as unknown as LocalTrack,
    Track.Source.Microphone,
    () => (fails ? Promise.reject(new Error("no picture")) : Promise.resolve()),
  );
  expect(
    await done.then(
      () => false,
      () => true,
    ),
  ).toBe(closes);
  expect(stop).toHaveBeenCalledTimes(closes ? 1 : 0);
});

test("a microphone whose owner has left meanwhile is closed", async () => {
  const publish = vi.spyOn(LocalParticipant.prototype, "publishTrack");
  const engine = createLiveKitEngine({ onLocal: () => undefined } as unknown as EngineHandlers);
  const track = new FakeTrack("audio", "microphone");
  engine.adopt({ microphone: track.asTrack(), camera: null });
  await expect(engine.publishMicrophone(true)).rejects.toThrow("the connection is gone");
  expect(track.readyState).toBe("ended");
  expect(publish).not.toHaveBeenCalled();
});
