import { expect, test } from "vitest";
import type { Action, ActionId, Actions } from "./actions";
import {
  actionFor,
  aliasOf,
  assignable,
  changeKey,
  keyOf,
  spaceOn,
  takesText,
  type KeyPress,
} from "./keys";

const KEYS: Readonly<Record<ActionId, string | null>> = {
  microphone: "m",
  camera: "v",
  screen: "s",
  hand: "h",
  reactions: null,
  locks: "l",
  chat: "c",
  people: "p",
  layout: "w",
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
  getModifierState: () => false,
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

test("what only begins or only ends does not turn round what is so already", () => {
  const both = { ctrlKey: true, altKey: true };
  const runs = (key: string, isOn: boolean) => {
    const id = key === "x" ? "camera" : "microphone";
    const now = { ...actions, [id]: { ...actions[id], isOn: () => isOn } };
    return actionFor(press(key, both), false, now)?.id;
  };
  expect([runs("a", false), runs("a", true)]).toEqual(["microphone", undefined]);
  expect([runs("o", false), runs("o", true)]).toEqual([undefined, "microphone"]);
  expect([runs("x", false), runs("x", true)]).toEqual([undefined, "camera"]);
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

test("a changed key takes the place of the usual one", () => {
  const changed = changeKey("hand", "j", actions, {});
  expect(actionFor(press("j"), false, actions, changed)?.id).toBe("hand");
  expect(actionFor(press("h"), false, actions, changed)).toBeNull();
});

test("a key that was somebody else's is exchanged, so that no key means two things", () => {
  const changed = changeKey("hand", "m", actions, {});
  expect(actionFor(press("m"), false, actions, changed)?.id).toBe("hand");
  expect(actionFor(press("h"), false, actions, changed)?.id).toBe("microphone");
});

test("a key can be taken away", () => {
  const changed = changeKey("screen", null, actions, {});
  expect(keyOf(actions.screen, changed)).toBeNull();
  expect(actionFor(press("s"), false, actions, changed)).toBeNull();
});

test.each([
  ["a letter", press("J"), "j"],
  ["a sign", press("."), "."],
  ["the space bar", press(" "), null],
  ["a named key", press("Enter"), null],
  ["a combination", press("k", { ctrlKey: true }), null],
])("%s can be assigned or not", (_, pressed, key) => expect(assignable(pressed)).toBe(key));

test("the list shows only combinations that exist", () => {
  expect(aliasOf("settings")).toBe("s");
  expect(aliasOf("screen")).toBeNull();
  expect(aliasOf("help")).toBeNull();
});

test("AltGr types a letter and asks for nothing", () => {
  const altGr = { ctrlKey: true, altKey: true, getModifierState: () => true };
  expect(asked(press("s", altGr), true)).toBeUndefined();
});

/** The element with the id `x` in a page of this markup. */
function at(html: string): Element | null {
  document.body.innerHTML = html;
  return document.querySelector("#x");
}

test("letters belong to fields and to open menus", () => {
  expect(takesText(at(`<textarea id="x"></textarea>`))).toBe(true);
  expect(takesText(at(`<div role="menu"><button id="x" role="menuitem"></button></div>`))).toBe(
    true,
  );
  expect(takesText(at(`<div role="listbox" id="x"></div>`))).toBe(true);
  expect(takesText(at(`<button id="x"></button>`))).toBe(false);
});

test.each([
  ["the page itself", `<main id="x"></main>`, "talk", "talk"],
  [
    "a button of the toolbar",
    `<div class="toolbar"><button id="x"></button></div>`,
    "hold",
    "talk",
  ],
  [
    "a menu of the toolbar",
    `<div class="toolbar"><button id="x" aria-haspopup="menu"></button></div>`,
    "element",
    "element",
  ],
  ["any other button", `<button id="x"></button>`, "element", "element"],
  ["a list that scrolls", `<div id="x" role="log" tabindex="0"></div>`, "element", "element"],
  ["a slider", `<div id="x" role="slider" tabindex="0"></div>`, "element", "element"],
  ["a menu", `<div id="x" role="menu"></div>`, "element", "element"],
])("the space bar on %s", (_, html, afterKeyboard, afterPointer) => {
  expect(spaceOn(at(html), false)).toBe(afterKeyboard);
  expect(spaceOn(at(html), true)).toBe(afterPointer);
});
