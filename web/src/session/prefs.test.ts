import { expect, test } from "vitest";
import { createPrefs, DEFAULTS, PANEL_WIDTH, readPrefs } from "./prefs";

test.each([null, "", "{", "[]", "null", "7"])("a damaged record gives the defaults: %s", (raw) => {
  expect(readPrefs(raw)).toEqual(DEFAULTS);
});

test("only what is damaged is lost", () => {
  const read = readPrefs(
    '{"theme":"dark","panelWidth":99999,"name":7,"shortcuts":"yes","panel":"x"}',
  );
  expect(read).toEqual({ ...DEFAULTS, theme: "dark", panelWidth: PANEL_WIDTH.max });
});

test("what is changed is there next time", () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  createPrefs(storage).change({ camera: "front", theme: "light" });
  expect(createPrefs(storage).getSnapshot()).toMatchObject({ camera: "front", theme: "light" });
});

test("a storage that refuses does not stop anybody", () => {
  const storage = {
    getItem: () => null,
    setItem: () => {
      throw new Error("full");
    },
  };
  const prefs = createPrefs(storage);
  prefs.change({ name: "Ana" });
  expect(prefs.getSnapshot().name).toBe("Ana");
});

test("recent rooms are few, newest first, and never twice", () => {
  const prefs = createPrefs(null);
  for (const code of ["a", "b", "c", "d", "e", "f", "a"]) prefs.visited({ code, title: code });
  expect(prefs.getSnapshot().recent.map(({ code }) => code)).toEqual(["a", "f", "e", "d", "c"]);
});

test("changed keys are single characters or none, whatever was stored", () => {
  const keys = { microphone: "x", camera: null, chat: "long", hand: 7 };
  expect(readPrefs(JSON.stringify({ keys })).keys).toEqual({ microphone: "x", camera: null });
  expect(readPrefs(JSON.stringify({ keys: "x" })).keys).toEqual({});
});

test.each([
  ['{"volume":0.4,"shareVolume":7}', { volume: 0.4, shareVolume: 1 }],
  ['{"videoQuality":"low","tilesPerPage":6}', { videoQuality: "low", tilesPerPage: 6 }],
  ['{"videoQuality":"huge","tilesPerPage":7}', { videoQuality: "high", tilesPerPage: null }],
  ['{"quiet":["chat","thunder"]}', { quiet: ["chat"] }],
])("what was chosen is read within its bounds: %s", (raw, wanted) =>
  expect(readPrefs(raw)).toMatchObject(wanted),
);
