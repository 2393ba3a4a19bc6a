import { describe, expect, test } from "vitest";
import {
  arrivedIn,
  createDeviceJudge,
  createFlowJudge,
  createWayJudge,
  givenIn,
  heardOver,
  type DeviceSample,
} from "./flow";

const STEP_MS = 2_000;

describe("something that should come", () => {
  /** A look every two seconds; what was judged each time. */
  function judged(counts: readonly (number | null | "unexpected")[], patience = 6_000) {
    const judge = createFlowJudge(patience);
    return counts.map((count, step) =>
      judge({
        count: count === "unexpected" ? 5 : count,
        expected: count !== "unexpected",
        now: step * STEP_MS,
      }),
    );
  }

  test("is missed after a while, and no more from the first one that comes", () => {
    expect(judged([5, 5, 5, 5, 5, 6, 6])).toEqual([false, false, false, true, true, false, false]);
  });

  test("is missed as well when it never came", () => {
    expect(judged([0, 0, 0, 0])).toEqual([false, false, false, true]);
  });

  test("is not missed while nobody expects it, nor right after", () => {
    expect(judged([5, "unexpected", "unexpected", "unexpected", 5, 5])).not.toContain(true);
  });

  test("is not missed where it is not counted", () => {
    expect(judged([null, null, null, null, null])).not.toContain(true);
  });

  test("that is counted anew began anew", () => {
    expect(judged([500, 500, 500, 3, 3, 3])).not.toContain(true);
  });

  test("is not missed for the time in which the machine slept", () => {
    const judge = createFlowJudge(6_000);
    judge({ count: 5, expected: true, now: 0 });
    expect(judge({ count: 5, expected: true, now: 3_600_000 })).toBe(false);
    expect(judge({ count: 5, expected: true, now: 3_606_000 })).toBe(true);
  });
});

describe("a device of mine", () => {
  const FINE: Omit<DeviceSample, "now"> = { on: true, held: false, given: 0, energy: null };

  /** What is found at the end of some looks; `given` and `energy` grow unless a look says otherwise. */
  function found(looks: readonly Partial<DeviceSample>[]) {
    const judge = createDeviceJudge();
    return looks.map((look, step) =>
      judge({ ...FINE, given: step, energy: step, ...look, now: step * STEP_MS }),
    );
  }
  const times = (count: number, look: Partial<DeviceSample>) =>
    Array.from({ length: count }, () => look);

  test("that gives pictures or sound is no news", () => {
    expect(found(times(10, {}))).toEqual(times(10, {}).map(() => null));
  });

  test("that the system holds back is told from one that gives nothing, and both from silence", () => {
    expect(found(times(4, { held: true })).at(-1)).toBe("muted");
    expect(found(times(5, { given: 7 })).at(-1)).toBe("still");
    expect(found(times(7, { energy: 0 })).at(-1)).toBe("silent");
    expect(found(times(5, { energy: 0 })).at(-1)).toBeNull();
  });

  test("that is switched off gives nothing, and may", () => {
    expect(found(times(10, { on: false, held: true, given: 0, energy: 0 }))).not.toContain("muted");
    expect(found(times(10, { on: false, given: 0, energy: 0 })).every((it) => it === null)).toBe(
      true,
    );
  });

  test("is fine again as soon as it gives something", () => {
    expect(found([...times(5, { given: 7 }), {}]).slice(-2)).toEqual(["still", null]);
  });
});

describe("the browser's counts", () => {
  test("of a device are those of its source", () => {
    const report = [
      { type: "outbound-rtp", kind: "video", framesEncoded: 99 },
      { type: "media-source", kind: "video", frames: 12 },
    ];
    expect(givenIn(report)).toEqual({ given: 12, energy: null });
    expect(
      givenIn([
        { type: "media-source", kind: "audio", totalSamplesDuration: 1.5, totalAudioEnergy: 0.2 },
      ]),
    ).toEqual({ given: 1.5, energy: 0.2 });
    expect(givenIn([{ type: "media-source", kind: "audio" }])).toEqual({
      given: null,
      energy: null,
    });
    expect(givenIn([])).toEqual({ given: null, energy: null });
  });

  test("of a picture are what was shown of a camera, and what arrived of a screen", () => {
    const report = [
      { type: "codec" },
      { type: "inbound-rtp", kind: "video", framesDecoded: 3, packetsReceived: 40 },
    ];
    expect(arrivedIn(report, "camera")).toBe(3);
    expect(arrivedIn(report, "screen")).toBe(40);
    expect(arrivedIn([{ type: "inbound-rtp", kind: "audio" }], "camera")).toBeNull();
  });
});

describe("the way in use", () => {
  const pair = { id: "P", type: "candidate-pair", bytesReceived: 900, responsesReceived: 4 };
  const former = { ...pair, id: "F", bytesReceived: 5 };

  test("tells what came over it, and no other pair does", () => {
    const transport = { id: "T", type: "transport", selectedCandidatePairId: "P" };
    expect(heardOver([former, transport, pair])).toBe(904);
    expect(heardOver([former, { ...pair, selected: true }])).toBe(904);
    expect(heardOver([former, { id: "T", type: "transport" }])).toBeNull();
  });

  test("tells what a browser counts of it", () => {
    expect(heardOver([{ ...pair, selected: true, responsesReceived: undefined }])).toBe(900);
    expect(heardOver([{ id: "P", type: "candidate-pair", selected: true }])).toBeNull();
  });

  test("is silent after five seconds without even an answer", () => {
    const judge = createWayJudge();
    const looks = [0, 1, 2, 3, 4, 5].map((second) =>
      judge({ count: 904, expected: true, now: second * 1_000 }),
    );
    expect(looks).toEqual([false, false, false, false, false, true]);
  });
});
