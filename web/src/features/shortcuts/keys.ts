/** From key presses to actions. */
import { ACTION_IDS, type Action, type ActionId, type Actions } from "./actions";

import type { Prefs } from "../../session/prefs";

/** Letters of the other client's Ctrl+Alt set that mean something else here. */
const ALIASES: Readonly<Record<string, keyof Actions>> = {
  m: "microphone",
  a: "microphone",
  o: "microphone",
  v: "camera",
  x: "camera",
  u: "people",
  p: "people",
  c: "chat",
  r: "hand",
  h: "hand",
  s: "settings",
  l: "locks",
};

/** There these only begin, or only end: whoever is muted already is not opened up by them. */
const ONE_WAY: Readonly<Record<string, "on" | "off">> = { a: "on", o: "off", x: "off" };

export interface KeyPress {
  readonly key: string;
  /** The physical key, for layouts whose letters are not latin. */
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
  readonly repeat: boolean;
  /** The key that types a third letter; Windows reports it as Ctrl and Alt together. */
  getModifierState(key: "AltGraph"): boolean;
}

const latin = (press: KeyPress): string =>
  /^Key[A-Z]$/u.test(press.code) && !/^[a-z]$/iu.test(press.key)
    ? press.code.slice(3).toLowerCase()
    : press.key.toLowerCase();

type Changed = Prefs["keys"];

/** The key of an action as this person has it; `null` when it was taken away. */
export function keyOf({ id, key }: Pick<Action, "id" | "key">, changed: Changed): string | null {
  const own = changed[id];
  return own === undefined ? key : own;
}

/** The letter that works with Ctrl+Alt, also while typing. */
export const aliasOf = (id: ActionId): string | null =>
  Object.keys(ALIASES).find((letter) => ALIASES[letter] === id) ?? null;

/** Gives an action another key; whoever had that key gets the old one in exchange. */
export function changeKey(
  id: ActionId,
  key: string | null,
  actions: Actions,
  changed: Changed,
): Changed {
  const other = ACTION_IDS.find(
    (name) => name !== id && key !== null && keyOf(actions[name], changed) === key,
  );
  const swapped = other === undefined ? {} : { [other]: keyOf(actions[id], changed) };
  return { ...changed, ...swapped, [id]: key };
}

/** The key that was pressed as one to be assigned, or `null` for presses that cannot be. */
export function assignable(press: KeyPress): string | null {
  if (press.ctrlKey || press.altKey || press.metaKey) return null;
  const key = latin(press);
  return [...key].length === 1 && key !== " " ? key : null;
}

/** The action a key press asks for. Single letters count only while nothing is being typed. */
export function actionFor(
  press: KeyPress,
  typing: boolean,
  actions: Actions,
  changed: Changed = {},
): Action | null {
  if (press.repeat || press.metaKey) return null;
  if (press.ctrlKey && press.altKey) {
    if (press.getModifierState("AltGraph")) return null;
    const letter = latin(press);
    const alias = ALIASES[letter];
    if (alias === undefined) return null;
    const way = ONE_WAY[letter];
    const action = actions[alias];
    return way !== undefined && action.isOn() === (way === "on") ? null : action;
  }
  if (press.ctrlKey || press.altKey || typing) return null;
  const key = latin(press);
  return Object.values(actions).find((action) => keyOf(action, changed) === key) ?? null;
}

/** Whether letters pressed on this element belong to it: fields, and lists one types ahead in. */
export function takesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName)) return true;
  return target.closest("[role='menu'], [role='listbox'], [role='dialog']") !== null;
}

/** What the space bar does here. */
export type SpaceUse =
  /** It belongs to the element: it presses, scrolls or types. */
  | "element"
  /** A short press is the element's, holding it talks. */
  | "hold"
  | "talk";

const OWN_SPACE = "button, a, summary, [role='log'], [role='slider'], [aria-haspopup]";

/**
 * Whose the space bar is. On the meeting's own buttons it must never press what somebody meant to talk
 * with: after a click with the mouse it only talks, after the keyboard a short press still presses.
 */
export function spaceOn(target: EventTarget | null, reachedByPointer: boolean): SpaceUse {
  if (!(target instanceof HTMLElement)) return "talk";
  if (takesText(target)) return "element";
  const control = target.closest(OWN_SPACE);
  if (!control) return "talk";
  if (!control.matches(".toolbar button:not([aria-haspopup])")) return "element";
  return reachedByPointer ? "talk" : "hold";
}
