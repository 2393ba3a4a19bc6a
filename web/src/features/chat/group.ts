/** Lines of one person close together are shown under one name. Pure, so that it is easy to be sure of. */
import type { Entry } from "../../session/chat";

export interface Group {
  /** The same for as long as its first line is kept, whether that is drawn or not. */
  readonly key: string;
  readonly first: Entry;
  readonly entries: readonly Entry[];
}

const TOGETHER_MS = 3 * 60_000;

/** The newest `count` lines, in their groups; of the group that is cut, its end. */
export function newestOf(groups: readonly Group[], count: number): readonly Group[] {
  const kept: Group[] = [];
  let left = count;
  for (const group of groups.toReversed()) {
    if (left <= 0) break;
    const entries = group.entries.slice(-left);
    left -= entries.length;
    kept.push({ ...group, first: entries[0] ?? group.first, entries });
  }
  return kept.toReversed();
}

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
