import { expect, test } from "vitest";
import type { Action, ActionId, Actions } from "./actions";
import { actionFor, takesSpace, takesText, type KeyPress } from "./keys";

const KEYS: Readonly<Record<ActionId, string>> = {
  microphone: "m",
  camera: "v",
  screen: "s",
  hand: "h",
  chat: "c",
  people: "p",
  settings: ",",
  help: "?",
};
const actions = Object.fromEntries(
  Object.entries(KEYS).map(([id, key]) => [id, { id, key } as Action]),
) as unknown as Actions;

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code: "",
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  repeat: false,
  ...more,
});
const asked = (key: KeyPress, typing = false) => actionFor(key, typing, actions)?.id;

test("a letter is enough", () => {
  expect(asked(press("m"))).toBe("microphone");
  expect(asked(press("?", { code: "Slash" }))).toBe("help");
});

test("letters belong to whoever is typing", () => {
  expect(asked(press("m"), true)).toBeUndefined();
});

test("Ctrl+Alt works also while typing", () => {
  expect(asked(press("m", { ctrlKey: true, altKey: true }), true)).toBe("microphone");
  expect(asked(press("r", { ctrlKey: true, altKey: true }))).toBe("hand");
});

test("the browser's own shortcuts are left alone", () => {
  expect(asked(press("c", { ctrlKey: true }))).toBeUndefined();
  expect(asked(press("p", { metaKey: true }))).toBeUndefined();
});

test("a held key does not flicker", () => {
  expect(asked(press("m", { repeat: true }))).toBeUndefined();
});

test("keyboards with other letters work by position", () => {
  expect(asked(press("ة", { code: "KeyM" }))).toBe("microphone");
});

test("the space bar presses buttons before it talks", () => {
  const button = document.createElement("button");
  expect(takesSpace(button)).toBe(true);
  expect(takesSpace(document.body)).toBe(false);
  expect(takesText(document.createElement("textarea"))).toBe(true);
  expect(takesText(button)).toBe(false);
});
