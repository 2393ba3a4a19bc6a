/** Reactions that float over the stage for a moment. */
import type { ParticipantId } from "../wire/types";
import { createStore, type Readable } from "./store";

/** The ones every client of the room knows. */
export const EMOJIS = ["👍", "❤️", "😂", "🎉", "👏", "🙌", "😯"] as const;
export type Emoji = (typeof EMOJIS)[number];

export interface Reaction {
  readonly id: number;
  readonly emoji: Emoji;
  /** `null` where whose it is may not be known. */
  readonly from: ParticipantId | null;
  readonly name: string;
}

/** How long one floats. */
export const FLOAT_MS = 4_000;
/** Not more often than this, by anybody. */
const THROTTLE_MS = 500;
/** A storm shows its newest. */
const MAX_SHOWN = 20;

export interface ReactionStore extends Readable<readonly Reaction[]> {
  /** Says whether it was shown: not when the same person was faster than people are. */
  show(emoji: Emoji, from: ParticipantId | null, name: string): boolean;
  dispose(): void;
}

export function createReactionStore(now: () => number): ReactionStore {
  const store = createStore<readonly Reaction[]>([]);
  const last = new Map<ParticipantId, number>();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let nextId = 1;
  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    show(emoji, from, name) {
      const at = now();
      if (from !== null) {
        if (at - (last.get(from) ?? Number.NEGATIVE_INFINITY) < THROTTLE_MS) return false;
        last.set(from, at);
      }
      const id = nextId++;
      store.update((all) => [...all, { id, emoji, from, name }].slice(-MAX_SHOWN));
      const timer = setTimeout(() => {
        timers.delete(timer);
        store.update((all) => all.filter((reaction) => reaction.id !== id));
      }, FLOAT_MS);
      timers.add(timer);
      return true;
    },
    dispose() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

/** What somebody sent, if it is one of the known ones. */
export function emojiFrom(text: string): Emoji | null {
  try {
    const { emoji } = JSON.parse(text) as { readonly emoji?: unknown };
    return EMOJIS.find((known) => known === emoji) ?? null;
  } catch {
    return null;
  }
}
