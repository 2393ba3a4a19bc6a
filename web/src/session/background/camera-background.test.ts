import { beforeEach, expect, test, vi } from "vitest";
import { flush } from "../../../tests/fakes";
import type { BackdropEvents } from "./backdrop";

const opened: { events: BackdropEvents; calls: string[]; saving: boolean }[] = [];
let refusal: Error | null = null;

vi.mock("./effects", () => ({
  prepareEffect: async (background: { kind: string; id?: string }) => ({
    effect: { kind: "blur", radius: background.kind === "blur" ? 20 : 1 },
    missing: background.id === "gone",
  }),
}));
vi.mock("./backdrop", () => ({
  openBackdrop: async (
    _camera: MediaStreamTrack,
    _effect: object,
    saving: boolean,
    events: BackdropEvents,
  ) => {
    if (refusal) throw refusal;
    const calls: string[] = [];
    opened.push({ events, calls, saving });
    return {
      track: { id: `drawn ${opened.length}` },
      setEffect: ({ radius }: { radius: number }) => calls.push(`effect ${radius}`),
      setSaving: (on: boolean) => calls.push(`saving ${on}`),
      close: () => calls.push("close"),
    };
  },
}));

const { CameraBackground } = await import("./camera-background");

const DUSK = { kind: "picture", id: "dusk" } as const;
const camera = () => {
  const asked: MediaTrackConstraints[] = [];
  const track = {
    applyConstraints: async (wish: MediaTrackConstraints) => void asked.push(wish),
  } as unknown as MediaStreamTrack;
  return { track, asked };
};
const heard = () => ({ onFailed: vi.fn(), onSlow: vi.fn(), onMissing: vi.fn() });

beforeEach(() => {
  opened.length = 0;
  refusal = null;
});

test("the camera is asked for no more than is drawn", async () => {
  const { track, asked } = camera();
  await new CameraBackground(DUSK, false, heard()).init({ track });
  expect(asked).toEqual([
    { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24, max: 24 } },
  ]);
});

test("a camera opened anew is drawn on anew, and the old worker goes", async () => {
  const background = new CameraBackground(DUSK, true, heard());
  await background.init(camera());
  const first = background.processedTrack;
  await background.restart(camera());
  expect(opened.map(({ calls }) => calls)).toEqual([["close"], []]);
  expect(opened.map(({ saving }) => saving)).toEqual([true, true]);
  expect(background.processedTrack).not.toBe(first);
});

test("at rest everything is let go, and what is sent stays what was drawn", async () => {
  const background = new CameraBackground(DUSK, false, heard());
  await background.init(camera());
  const drawn = background.processedTrack;
  background.rest();
  expect(opened[0]?.calls).toEqual(["close"]);
  expect(background.processedTrack).toBe(drawn);
  await background.change({ kind: "blur", strong: true });
  expect(opened).toHaveLength(1);
});

test("where it cannot be drawn the camera does not open, and the last track stays in place of the bare one", async () => {
  const background = new CameraBackground(DUSK, false, heard());
  await background.init(camera());
  const drawn = background.processedTrack;
  refusal = new Error("no worker");
  await expect(background.restart(camera())).rejects.toThrow("no worker");
  expect(background.processedTrack).toBe(drawn);
});

test("it tells of its end once, and not of one that was overtaken", async () => {
  const told = heard();
  const background = new CameraBackground(DUSK, false, told);
  await background.init(camera());
  await background.restart(camera());
  opened[0]?.events.onFailed();
  expect(told.onFailed).not.toHaveBeenCalled();
  opened[1]?.events.onFailed();
  opened[1]?.events.onFailed();
  expect(told.onFailed).toHaveBeenCalledTimes(1);
});

test("another choice is drawn without a break; the last one wins", async () => {
  const told = heard();
  const background = new CameraBackground(DUSK, false, told);
  await background.init(camera());
  void background.change({ kind: "picture", id: "gone" });
  void background.change({ kind: "blur", strong: true });
  await flush();
  expect(opened[0]?.calls).toEqual(["effect 20"]);
  expect(told.onMissing).not.toHaveBeenCalled();
  await background.change({ kind: "picture", id: "gone" });
  expect(told.onMissing).toHaveBeenCalledTimes(1);
});
