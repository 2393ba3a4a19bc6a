/** What others write as it comes, once each. History that arrives in one piece is for reading and no news. */
import type { ParticipantId } from "../wire/types";
import type { ChatStore, Entry } from "./chat";

/** More lines at once are history. */
const MOST_AT_ONCE = 3;

/** Returns the way to stop. `inView` tells whether the line stands before the reader's eyes. */
export function hearChat(
  chat: ChatStore,
  me: () => ParticipantId | null,
  tell: (entry: Entry, inView: boolean) => void,
): () => void {
  let known: Set<string> | null = null;
  const look = () => {
    const { conversations, current, visible } = chat.getSnapshot();
    const fresh: [Entry, boolean][] = [];
    const seen = known ?? new Set<string>();
    for (const [id, entries] of conversations) {
      for (const entry of entries) {
        if (seen.has(entry.id)) continue;
        seen.add(entry.id);
        fresh.push([entry, visible && current === id]);
      }
    }
    const first = known === null;
    known = seen;
    if (first || fresh.length > MOST_AT_ONCE) return;
    for (const [entry, inView] of fresh) {
      if (entry.from !== me() && !entry.system) tell(entry, inView);
    }
  };
  look();
  return chat.subscribe(look);
}
