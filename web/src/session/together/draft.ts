/**
 * Something that is filled in and then sent. It outlives the panel it is written in, and so does that it is on its way:
 * whoever closes the panel meanwhile finds it so, and cannot send it twice. Nothing here travels.
 */
import { createStore, type Readable } from "../store";

export interface Drafted<T> {
  /** `null` where nothing has been begun. */
  readonly value: T | null;
  readonly sending: boolean;
  /** Why it was not taken when it was sent last, to be shown as it is. */
  readonly problem: string | null;
}

export interface Draft<T> extends Readable<Drafted<T>> {
  write(value: T): void;
  /** Gives it up. What is on its way cannot be taken back. */
  drop(): void;
  /**
   * Sends what is written; `ask` says what is wrong, or `null` once it was taken. Then it is gone, save for what was written
   * meanwhile. Does nothing where nothing is written, or while it is on its way.
   */
  send(ask: () => Promise<string | null>): Promise<void>;
}

/** Choices stand still while they are sent, and keep their problem until they are sent anew; words go on. */
export type DraftKind = "choices" | "words";

/** `onUnseen` is told why it was not taken when there is no form on the screen that could say so. */
export function createDraft<T>(
  kind: DraftKind,
  onUnseen: (problem: string) => void = () => undefined,
): Draft<T> {
  const nothing: Drafted<T> = { value: null, sending: false, problem: null };
  const store = createStore(nothing);
  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    write: (value) =>
      store.update((now) => {
        if (kind === "words") return { ...now, value, problem: null };
        return now.sending ? now : { ...now, value };
      }),
    drop: () => store.update((now) => (now.sending ? now : nothing)),
    async send(ask) {
      const { value, sending } = store.getSnapshot();
      if (value === null || sending) return;
      store.set({ value, sending: true, problem: null });
      let problem: string | null = null;
      let taken = false;
      try {
        problem = await ask();
        taken = problem === null;
      } finally {
        store.update((now) =>
          taken && now.value === value ? nothing : { value: now.value, sending: false, problem },
        );
      }
      if (problem !== null && !store.isHeard()) onUnseen(problem);
    },
  };
}
