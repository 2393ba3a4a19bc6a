/** From key presses to actions. */
import type { Action, Actions } from "./actions";

/** Letters of the other client's Ctrl+Alt set that mean something else here. */
const ALIASES: Readonly<Record<string, keyof Actions>> = {
  m: "microphone",
  v: "camera",
  u: "people",
  p: "people",
  c: "chat",
  r: "hand",
  h: "hand",
  s: "settings",
};

export interface KeyPress {
  readonly key: string;
  /** The physical key, for layouts whose letters are not latin. */
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
  readonly repeat: boolean;
}

const latin = (press: KeyPress): string =>
  /^Key[A-Z]$/u.test(press.code) && !/^[a-z]$/iu.test(press.key)
    ? press.code.slice(3).toLowerCase()
    : press.key.toLowerCase();

/** The action a key press asks for. Single letters count only while nothing is being typed. */
export function actionFor(press: KeyPress, typing: boolean, actions: Actions): Action | null {
  if (press.repeat || press.metaKey) return null;
  if (press.ctrlKey && press.altKey) {
    const alias = ALIASES[latin(press)];
    return alias === undefined ? null : actions[alias];
  }
  if (press.ctrlKey || press.altKey || typing) return null;
  const key = latin(press);
  return Object.values(actions).find((action) => action.key === key) ?? null;
}

/** Whether letters pressed on this element belong to it. */
export function takesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  return ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

/** Whether the space bar belongs to this element. */
export function takesSpace(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return takesText(target) || target.closest("button, a, summary, [role='menu']") !== null;
}
