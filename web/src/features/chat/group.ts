/** Lines of one person close together are shown under one name. Pure, so that it is easy to be sure of. */
import type { Entry } from "../../session/chat";

export interface Group {
  readonly key: string;
  readonly first: Entry;
  readonly entries: readonly Entry[];
}

const TOGETHER_MS = 3 * 60_000;

/** A line that `apart` names begins a group of its own. */
export function groupEntries(
  entries: readonly Entry[],
  apart: string | null = null,
): readonly Group[] {
  const groups: { key: string; first: Entry; entries: Entry[] }[] = [];
  for (const entry of entries) {
    const last = groups.at(-1);
    const before = last?.entries.at(-1);
    const together =
      last !== undefined &&
      before !== undefined &&
      !entry.system &&
      !before.system &&
      before.from === entry.from &&
      entry.id !== apart &&
      entry.sentAt - before.sentAt < TOGETHER_MS;
    if (together) last.entries.push(entry);
    else groups.push({ key: entry.id, first: entry, entries: [entry] });
  }
  return groups;
}
