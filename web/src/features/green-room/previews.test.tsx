import { act, cleanup } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { FakeTrack } from "../../../tests/fake-track";
import { ANA, flush } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { usePreviews } from "./use-previews";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

let plugged: string[] = [];
const opened: FakeTrack[] = [];

async function getUserMedia({ audio, video }: MediaStreamConstraints) {
  const [kind, wish] = video ? (["video", video] as const) : (["audio", audio] as const);
  const named = typeof wish === "object" ? (wish.deviceId as { exact: string } | undefined) : null;
  const device = named?.exact ?? plugged[0] ?? "";
  if (kind === "audio" || !plugged.includes(device)) {
    throw Object.assign(new Error("x"), { name: "NotFoundError" });
  }
  const track = new FakeTrack(kind, device);
  opened.push(track);
  return { getTracks: () => [track] };
}

function Previews() {
  usePreviews();
  return null;
}

test("the camera that was chosen is taken again when it is back", async () => {
  vi.stubGlobal("navigator", {
    permissions: { query: async () => ({ state: "granted" }) },
    mediaDevices: {
      getUserMedia,
      enumerateDevices: async () =>
        plugged.map((deviceId) => ({
          kind: "videoinput",
          deviceId,
          label: deviceId,
          groupId: "",
        })),
      addEventListener: () => undefined,
    },
  });
  const live = () =>
    opened.flatMap(({ readyState, deviceId }) => (readyState === "live" ? deviceId : []));
  plugged = ["built in"];
  const { visit, prefs, show } = await meeting([ANA]);
  const plug = async (...devices: string[]) => {
    plugged = devices;
    await act(() => visit.devices.refresh());
    await act(flush);
  };
  prefs.change({ camera: "good" });
  show(<Previews />);
  await act(flush);
  expect(live()).toEqual(["built in"]);

  await plug("built in", "good");
  expect(live()).toEqual(["good"]);

  plugged = ["built in"];
  opened.at(-1)?.unplug();
  await plug("built in");
  expect(live()).toEqual(["built in"]);
  await plug("built in", "good");
  expect(live()).toEqual(["good"]);
  expect(opened.map(({ deviceId }) => deviceId)).toEqual(["built in", "good", "built in", "good"]);
});
