import { expect, test } from "vitest";
import { id } from "../../tests/fakes";
import { isSilent, NO_MEDIA, sentBy, type MediaStatus, type PersonMedia } from "./media";

const BEN = id("ben");
const live: PersonMedia = { ...NO_MEDIA, microphone: "live" };
const microphoneOf = (status: MediaStatus, told?: PersonMedia) =>
  sentBy({ status, people: new Map(told ? [[BEN, told]] : []) }, BEN).microphone;

test("whoever is not told of over a connection has no microphone on", () => {
  expect(microphoneOf("connected")).toBe("none");
  expect(microphoneOf("connected", live)).toBe("live");
});

test.each(["idle", "connecting", "lost"] as const)(
  "nothing is known of a microphone while %s",
  (status) => {
    expect(microphoneOf(status)).toBe("unknown");
    expect(microphoneOf(status, { ...NO_MEDIA, microphone: "muted" })).toBe("unknown");
  },
);

test("while a connection is made anew, only what was told and not taken back is known", () => {
  expect(microphoneOf("reconnecting", live)).toBe("live");
  expect(microphoneOf("reconnecting")).toBe("unknown");
});

test("an unknown microphone is not a silent one", () => {
  const silent = (["unknown", "none", "muted", "live"] as const).map((microphone) =>
    isSilent({ ...NO_MEDIA, microphone }),
  );
  expect(silent).toEqual([false, true, true, false]);
});
