import "../../tests/bare-page";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { loudness, watchLevel } from "./level";

test("silence is zero and shouting is one", () => {
  expect(loudness(new Float32Array(64))).toBe(0);
  expect(loudness(new Float32Array(64).fill(1))).toBe(1);
  expect(loudness(new Float32Array(0))).toBe(0);
});

describe("a browser that waits for a gesture", () => {
  let state: AudioContextState;
  let resumed: number;

  class FakeContext extends EventTarget {
    get state() {
      return state;
    }
    createMediaStreamSource = () => ({ connect: () => undefined, disconnect: () => undefined });
    createAnalyser = () => ({
      fftSize: 0,
      getFloatTimeDomainData: (samples: Float32Array) => samples.fill(1),
    });
    resume = () => {
      resumed += 1;
      return Promise.reject(new Error("not allowed yet"));
    };
    close = async () => undefined;
    change(next: AudioContextState) {
      state = next;
      this.dispatchEvent(new Event("statechange"));
    }
  }

  beforeEach(() => {
    vi.useFakeTimers();
    state = "suspended";
    resumed = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test("is said to be asleep, is woken by the next gesture, and silence is not made up", () => {
    const contexts: FakeContext[] = [];
    vi.stubGlobal(
      "AudioContext",
      class extends FakeContext {
        constructor() {
          super();
          contexts.push(this);
        }
      },
    );
    const levels: number[] = [];
    const sleep: boolean[] = [];
    const stop = watchLevel(
      {} as MediaStream,
      (level) => levels.push(level),
      (asleep) => sleep.push(asleep),
    );
    vi.advanceTimersByTime(1_000);
    expect([levels, sleep]).toEqual([[], [true]]);

    const before = resumed;
    document.dispatchEvent(new Event("pointerdown"));
    expect(resumed).toBe(before + 1);
    contexts[0]?.change("running");
    vi.advanceTimersByTime(80);
    expect([levels, sleep]).toEqual([[1], [true, false]]);

    stop();
    vi.advanceTimersByTime(1_000);
    expect(levels).toHaveLength(1);
  });
});
