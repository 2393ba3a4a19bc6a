import { describe, expect, test } from "vitest";
import { deviceLossText, wasInUse } from "./device-loss";
import type { Device } from "./devices";

const loss = {
  kind: "audioinput",
  lost: "Headset",
  next: "Built-in",
  wasOff: false,
  denied: false,
} as const;

describe("what is said", () => {
  test.each([
    ["what is used instead", loss, { key: "notice.lost.replacedBy", next: "Built-in" }],
    [
      "that another one is used, if it has no name",
      { ...loss, next: "" },
      { key: "notice.lost.replaced" },
    ],
    [
      "that nobody hears, if nothing is left",
      { ...loss, next: null },
      { key: "notice.lost.gone.microphone" },
    ],
    [
      "what happens at unmuting",
      { ...loss, next: null, wasOff: true },
      { key: "notice.lost.off.microphone" },
    ],
    [
      "the same of a camera",
      { ...loss, kind: "videoinput", next: null } as const,
      { key: "notice.lost.gone.camera" },
    ],
  ])("%s", (_, given, { key, ...values }) => {
    expect(deviceLossText(given)).toEqual({ key, values: { device: "Headset", ...values } });
  });

  test("that this page may not use it any more, if that is why", () => {
    const denied = { ...loss, next: null, denied: true };
    expect(deviceLossText(denied)).toEqual({ key: "notice.denied.microphone" });
    expect(deviceLossText({ ...denied, kind: "videoinput", wasOff: true })).toEqual({
      key: "notice.denied.camera",
    });
  });

  test("a device without a name is called by its kind", () => {
    expect(deviceLossText({ ...loss, lost: "", next: null })).toMatchObject({
      values: { device: { keyed: "device.microphone" } },
    });
  });
});

describe("a device that goes away was in use", () => {
  const device = (id: string, group = ""): Device => ({
    id,
    kind: "audiooutput",
    label: id,
    group,
  });
  const before = [device("default", "g1"), device("a", "g1"), device("b", "g2")];

  test.each([
    ["when it was chosen", "b", device("b", "g2"), true],
    ["when it was behind the usual one", null, device("a", "g1"), true],
    ["not when another one was chosen", "a", device("b", "g2"), false],
    ["not when another one was behind the usual one", "default", device("b", "g2"), false],
  ])("%s", (_, inUse, gone, expected) => expect(wasInUse(gone, inUse, before)).toBe(expected));

  test("or when it was the first of a browser without a usual one", () => {
    const list = [device("a"), device("b")];
    expect(wasInUse(device("a"), null, list)).toBe(true);
    expect(wasInUse(device("b"), null, list)).toBe(false);
  });
});
