import { beforeEach, expect, test, vi } from "vitest";
import { flush } from "../../../tests/fakes";
import type { BackdropEvents } from "./backdrop";
import { NONE, VEIL, type Background } from "./choice";
import { createShown, type Tools } from "./shown";

const DUSK: Background = { kind: "picture", id: "dusk" };

class FakeStream {
  readonly #tracks: readonly object[];
  constructor(tracks: readonly object[] = []) {
    this.#tracks = tracks;
  }
  getVideoTracks = () => this.#tracks;
}
const camera = () => new FakeStream([{ kind: "video" }]) as unknown as MediaStream;

beforeEach(() => vi.stubGlobal("MediaStream", FakeStream));

/** What draws, and what was asked of it. */
function fakeTools() {
  const calls: string[] = [];
  let events: BackdropEvents | null = null;
  let refuse = false;
  let gate: Promise<void> = Promise.resolve();
  const tools: Tools = {
    async prepare(background) {
      const missing = background.kind === "own";
      return { effect: { kind: "blur", radius: background.kind === "blur" ? 20 : 1 }, missing };
    },
    async open(_camera, effect, saving, given, signal) {
      await gate;
      if (refuse || signal.aborted) throw new Error("no");
      calls.push(`open ${effect.kind === "blur" ? effect.radius : ""}${saving ? " saving" : ""}`);
      events = given;
      return {
        track: { kind: "video" } as MediaStreamTrack,
        setEffect: (next) => calls.push(`effect ${next.kind === "blur" ? next.radius : ""}`),
        setSaving: (on) => calls.push(`saving ${on}`),
        close: () => calls.push("close"),
      };
    },
  };
  return {
    calls,
    shown: createShown(async () => tools),
    events: () => events,
    refuse: (on: boolean) => (refuse = on),
    hold() {
      let release = () => {};
      gate = new Promise((resolve) => (release = resolve));
      return release;
    },
  };
}

test("without a background it is the camera's own picture", () => {
  const { shown, calls } = fakeTools();
  const mine = camera();
  shown.show(mine, NONE, false);
  expect(shown.getSnapshot()).toMatchObject({ at: "plain", stream: mine });
  expect(calls).toEqual([]);
});

test("until the background is drawn there is no picture at all", async () => {
  const { shown } = fakeTools();
  const mine = camera();
  shown.show(mine, NONE, false);
  shown.show(mine, DUSK, false);
  expect(shown.getSnapshot()).toMatchObject({ at: "starting", stream: null });
  await flush();
  expect(shown.getSnapshot().at).toBe("drawn");
  expect(shown.getSnapshot().stream).not.toBe(mine);
});

test("another background is drawn on, another camera begins anew", async () => {
  const { shown, calls } = fakeTools();
  const mine = camera();
  shown.show(mine, DUSK, false);
  await flush();
  shown.show(mine, VEIL, true);
  await flush();
  shown.show(camera(), VEIL, true);
  await flush();
  shown.show(null, VEIL, true);
  expect(calls).toEqual(["open 1", "saving true", "effect 20", "close", "open 20 saving", "close"]);
  expect(shown.getSnapshot()).toMatchObject({ at: "plain", stream: null });
});

test("what was chosen while it started is what is drawn", async () => {
  const { shown, calls, hold } = fakeTools();
  const mine = camera();
  const release = hold();
  shown.show(mine, DUSK, false);
  await flush();
  shown.show(mine, VEIL, false);
  release();
  await flush();
  expect(calls).toEqual(["open 1", "effect 20"]);
});

test("where drawing fails, the bare picture does not come back by itself", async () => {
  const { shown, refuse, events } = fakeTools();
  const mine = camera();
  refuse(true);
  shown.show(mine, DUSK, false);
  await flush();
  expect(shown.getSnapshot()).toMatchObject({ at: "failed", stream: null });
  refuse(false);
  shown.show(mine, VEIL, false);
  await flush();
  expect(shown.getSnapshot().at).toBe("drawn");
  events()?.onFailed();
  expect(shown.getSnapshot()).toMatchObject({ at: "failed", stream: null });
});

test("what was given up while it started leaves nothing behind", async () => {
  const { shown, calls, hold } = fakeTools();
  const release = hold();
  shown.show(camera(), DUSK, false);
  await flush();
  shown.dispose();
  release();
  await flush();
  expect(calls).toEqual([]);
  expect(shown.getSnapshot()).toMatchObject({ at: "plain", stream: null });
});

test("a slow device and a missing picture are said", async () => {
  const { shown, events } = fakeTools();
  const own: Background = { kind: "own", address: "/download/x", session: "s" };
  shown.show(camera(), own, false);
  await flush();
  expect(shown.getSnapshot()).toMatchObject({ missing: true, slow: false });
  events()?.onSlow();
  expect(shown.getSnapshot().slow).toBe(true);
});
