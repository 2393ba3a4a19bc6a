import { plainText } from "../../kit/rich-text";
import type { Entry } from "../../session/chat";

const known = new WeakMap<Entry, string>();

/** The words of a line without their looks. Asked for often, by quotes and the search, and found out once. */
export function wordsOf(entry: Entry): string {
  const before = known.get(entry);
  if (before !== undefined) return before;
  const words = plainText(entry.html);
  known.set(entry, words);
  return words;
}
