/**
 * The list of notices through a reload of the page. Kept in the tab's own storage, which goes with the tab; what
 * a notice offered to do does not come back, where there is more to see does.
 */
import type { NoticeText, PastNotice } from "../../session/notices";
import { PANELS } from "../../session/prefs";
import type { NoticeLevel } from "../../wire/types";

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const PREFIX = "plenum.notices.";
const LEVELS: readonly NoticeLevel[] = ["info", "warning", "error"];

export const keyFor = (sid: string, me: string): string => `${PREFIX}${sid}.${me}`;

export function load(storage: Store | null, key: string): readonly PastNotice[] {
  try {
    const list: unknown = JSON.parse(storage?.getItem(key) ?? "[]");
    return Array.isArray(list) ? list.flatMap((entry) => pastFrom(entry) ?? []) : [];
  } catch {
    return [];
  }
}

export function save(storage: Store | null, key: string, all: readonly PastNotice[]): void {
  const kept = all.map(({ level, group, about, text, panel, at }) => ({
    level,
    group,
    about: [...about],
    text,
    panel,
    at,
  }));
  try {
    storage?.setItem(key, JSON.stringify(kept));
  } catch {
    // A full or forbidden storage only means that a reload begins an empty list.
  }
}

export function forget(storage: Store | null, key: string): void {
  try {
    storage?.removeItem(key);
  } catch {
    // What cannot be removed goes with the tab.
  }
}

/** Only what has the right shape; anything may stand in a storage. */
function pastFrom(entry: unknown): PastNotice | null {
  if (typeof entry !== "object" || entry === null) return null;
  const { level, group, about, text, panel, at } = entry as Record<string, unknown>;
  const known = LEVELS.find((name) => name === level);
  if (!known || typeof at !== "number" || !isText(text) || !Array.isArray(about)) return null;
  return {
    id: 0,
    level: known,
    group: typeof group === "string" ? group : null,
    about: new Map(about.filter(isPair)),
    text,
    sticky: false,
    action: null,
    also: null,
    alert: null,
    panel: PANELS.find((name) => name === panel) ?? null,
    at,
  };
}

const isPair = (entry: unknown): entry is [string, string] =>
  Array.isArray(entry) && entry.length === 2 && entry.every((part) => typeof part === "string");

function isText(text: unknown): text is NoticeText {
  if (typeof text !== "object" || text === null) return false;
  return (
    ("plain" in text && typeof text.plain === "string") ||
    ("key" in text && typeof text.key === "string")
  );
}
