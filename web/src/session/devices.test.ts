import { afterEach, describe, expect, test, vi } from "vitest";
import { flush } from "../../tests/fakes";
import { createPreview, devicePermission, startTogether } from "./devices";

afterEach(() => vi.unstubAllGlobals());

class FakeTrack extends EventTarget {
  stopped = false;
  stop = () => void (this.stopped = true);
}

/** A browser whose `getUserMedia` gives a new fake track each time and remembers what it was asked. */
function fakeBrowser(refuse: (constraints: MediaStreamConstraints) => string | null = () => null) {
  const asked: MediaStreamConstraints[] = [];
  const tracks: FakeTrack[] = [];
  vi.stubGlobal(
    "MediaStream",
    class {
      constructor(readonly own: FakeTrack[]) {}
      getTracks = () => this.own;
    },
  );
  vi.stubGlobal("navigator", {
    mediaDevices: {
      getUserMedia: async (constraints: MediaStreamConstraints) => {
        asked.push(constraints);
        const refusal = refuse(constraints);
        if (refusal !== null) throw Object.assign(new Error("x"), { name: refusal });
        const made = [constraints.audio, constraints.video].map((wish) =>
          wish ? [new FakeTrack()] : [],
        );
        tracks.push(...made.flat());
        return {
          getTracks: () => made.flat(),
          getAudioTracks: () => made[0],
          getVideoTracks: () => made[1],
        };
      },
    },
  });
  return { asked, tracks };
}

test("a preview whose device is unplugged goes on with the next best one", async () => {
  const { asked, tracks } = fakeBrowser();
  const preview = createPreview("audio", () => undefined);
  await preview.start("headset");
  expect(asked[0]).toMatchObject({ audio: { deviceId: { exact: "headset" } } });
  tracks[0]?.dispatchEvent(new Event("ended"));
  await flush();
  expect(asked[1]).not.toHaveProperty("audio.deviceId");
  expect(preview.getSnapshot()).toMatchObject({ on: true, pending: false, problem: null });

  preview.stop();
  tracks[1]?.dispatchEvent(new Event("ended"));
  await flush();
  expect(asked).toHaveLength(2);
});

const nothing = () => undefined;
const NONE = { microphone: null, camera: null };

test("both devices are asked for with one question", async () => {
  const { asked } = fakeBrowser();
  const [microphone, camera] = [createPreview("audio", nothing), createPreview("video", nothing)];
  await startTogether(microphone, camera, NONE);
  expect(asked).toHaveLength(1);
  for (const each of [microphone, camera]) {
    expect(each.getSnapshot()).toMatchObject({ on: true, problem: null });
    // Asked for again by the page, it is already there.
    await each.start(null);
  }
  expect(asked).toHaveLength(1);
});

test("a no to both is one no to each, not another question", async () => {
  const { asked } = fakeBrowser(() => "NotAllowedError");
  const [microphone, camera] = [createPreview("audio", nothing), createPreview("video", nothing)];
  await startTogether(microphone, camera, NONE);
  expect(asked).toHaveLength(1);
  expect(microphone.getSnapshot().problem).toBe("denied");
  expect(camera.getSnapshot().problem).toBe("denied");
});

test("a missing camera does not take the microphone with it", async () => {
  fakeBrowser(({ video }) => (video ? "NotFoundError" : null));
  const [microphone, camera] = [createPreview("audio", nothing), createPreview("video", nothing)];
  await startTogether(microphone, camera, NONE);
  expect(microphone.getSnapshot()).toMatchObject({ on: true, problem: null });
  expect(camera.getSnapshot()).toMatchObject({ on: false, problem: "missing" });
});

test("a device that was handed over stays open when its preview stops", async () => {
  const { tracks } = fakeBrowser();
  const preview = createPreview("video", nothing);
  await preview.start(null);
  expect(preview.handOver()).toBe(tracks[0]);
  preview.stop();
  expect(tracks[0]?.stopped).toBe(false);
});

describe("a browser that does not tell its permissions", () => {
  const named = (label: string) => ({
    mediaDevices: { enumerateDevices: async () => [{ kind: "audioinput", label }] },
  });
  test.each([
    ["named devices mean that they may be used", "Headset", "granted"],
    ["nameless ones that it would ask", "", "prompt"],
  ])("%s", async (_, label, expected) => {
    vi.stubGlobal("navigator", named(label));
    expect(await devicePermission("audio")).toBe(expected);
  });
});
