import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { DevicesInUse } from "../../session/media";
import { createNoticeStore } from "../../session/notices";
import { createPrefs } from "../../session/prefs";
import type { Session } from "../../session/session";
import { followDevices } from "./follow-devices";

let speakers: string[] = [];
let inUse: DevicesInUse;
const notices = createNoticeStore();

beforeEach(() => {
  speakers = ["one", "two", "three"];
  inUse = { audioinput: null, videoinput: null, audiooutput: null };
  vi.stubGlobal("navigator", {
    mediaDevices: {
      enumerateDevices: async () =>
        speakers.map((deviceId) => ({
          kind: "audiooutput",
          deviceId,
          label: deviceId,
          groupId: "",
        })),
      addEventListener: () => undefined,
      removeEventListener: () => undefined,
    },
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  notices.dispose();
  notices.getSnapshot().forEach(({ id }) => notices.dismiss(id));
});

async function following(chosen: string | null) {
  const prefs = createPrefs(null);
  prefs.change({ speaker: chosen });
  const media = { getSnapshot: () => ({ inUse }) };
  const devices = followDevices({ media, notices } as unknown as Session, prefs);
  await devices.refresh();
  return {
    async gone(...left: string[]) {
      speakers = left;
      const looked = devices.refresh();
      // The library takes another at the same time.
      inUse = { ...inUse, audiooutput: left[0] ?? null };
      await looked;
      return notices.getSnapshot().map(({ text }) => ("key" in text ? text.values : null));
    },
  };
}

test("the speaker that was in use when it went away is told, whatever was chosen once", async () => {
  const devices = await following("three");
  inUse = { ...inUse, audiooutput: "two" };
  expect(await devices.gone("one", "two")).toEqual([]);
  inUse = { ...inUse, audiooutput: "two" };
  expect(await devices.gone("one")).toEqual([{ device: "two", next: "one" }]);
});

test("before anything is known of it, it is the one that was chosen", async () => {
  const devices = await following("two");
  expect(await devices.gone("one", "three")).toEqual([{ device: "two", next: "one" }]);
});
