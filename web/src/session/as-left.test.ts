import { expect, test } from "vitest";
import { id } from "../../tests/fakes";
import { asLeft, keepAsLeft } from "./as-left";

test("a tab knows how it left a meeting, and nothing of others", () => {
  const all = new Map<string, string>();
  const place = {
    getItem: (key: string) => all.get(key) ?? null,
    setItem: (key: string, value: string) => void all.set(key, value),
  };
  keepAsLeft(place, "sid", id("ana"), { microphone: false, camera: true });
  expect(asLeft(place, "sid", id("ana"))).toEqual({ microphone: false, camera: true });
  expect(asLeft(place, "sid", id("ben"))).toBeNull();
  expect(asLeft(place, "other", id("ana"))).toBeNull();

  for (const key of all.keys()) all.set(key, "{");
  expect(asLeft(place, "sid", id("ana"))).toBeNull();
  for (const key of all.keys()) all.set(key, '{"microphone":"yes"}');
  expect(asLeft(place, "sid", id("ana"))).toEqual({ microphone: false, camera: false });
  expect(asLeft(null, "sid", id("ana"))).toBeNull();
});
