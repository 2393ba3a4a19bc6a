import { afterEach, expect, test, vi } from "vitest";
import { flush } from "../../tests/fakes";
import { createPreview } from "./devices";

afterEach(() => vi.unstubAllGlobals());

class FakeTrack extends EventTarget {
  stopped = false;
  stop = () => void (this.stopped = true);
}

/** A browser whose `getUserMedia` gives a new fake track each time and remembers what it was asked. */
function fakeBrowser() {
  const asked: MediaStreamConstraints[] = [];
  const tracks: FakeTrack[] = [];
  vi.stubGlobal("navigator", {
    mediaDevices: {
      getUserMedia: async (constraints: MediaStreamConstraints) => {
        asked.push(constraints);
        const track = new FakeTrack();
        tracks.push(track);
        return { getTracks: () => [track] };
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
  expect(asked[1]).toEqual({ audio: {} });
  expect(preview.getSnapshot()).toMatchObject({ on: true, pending: false, problem: null });

  preview.stop();
  tracks[1]?.dispatchEvent(new Event("ended"));
  await flush();
  expect(asked).toHaveLength(2);
});
