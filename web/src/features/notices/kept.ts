/**
 * The list of notices through a reload of the page. Kept in the tab's own storage, which goes with the tab; what
 * a notice offered to do does not come back, where there is more to see does.
 */
import { keep, kept, type Store } from "../../kit/tab-storage";
import type { NoticeText, PastNotice } from "../../session/notices";
import { PANELS } from "../../session/prefs";
import type { NoticeLevel } from "../../wire/types";

const PREFIX = "plenum.notices.";
const LEVELS: readonly NoticeLevel[] = ["info", "warning", "error"];

export const keyFor = (sid: string, me: string): string => `${PREFIX}${sid}.${me}`;

export function load(storage: Store | null, key: string): readonly PastNotice[] {
  const list = kept(storage, key);
  return Array.isArray(list) ? list.flatMap((entry) => pastFrom(entry) ?? []) : [];
}

export function save(storage: Store | null, key: string, all: readonly PastNotice[]): void {
  const notices = all.map(({ level, group, about, text, panel, at }) => ({
    level,
    group,
    about: [...about],
    text,
    panel,
    at,
  }));
  keep(storage, key, notices);
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
