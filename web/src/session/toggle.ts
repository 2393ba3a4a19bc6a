/**
 * A switch whose flipping takes time. Intent shows at once, changes run one after another, and the last
 * wish wins: pressing mute five times quickly does not queue five changes.
 */
import type { Gate } from "./gate";
import { createStore, type Readable } from "./store";

export interface ToggleState {
  readonly on: boolean;
  /** The wish is not yet what is. */
  readonly pending: boolean;
}

export interface Toggle extends Readable<ToggleState> {
  want(on: boolean): void;
  /** The world changed by itself: the browser stopped the share, a host muted the microphone. */
  happened(on: boolean): void;
  /** What was done is gone, though nobody wished it: it is done again. */
  undone(): void;
}

export interface ToggleGates {
  /** Nothing is flipped while it is shut; wishes wait. */
  readonly any?: Gate;
  /** The same for what is to be on. Off is what one may always be. */
  readonly on?: Gate;
}

export function createToggle(
  apply: (on: boolean) => Promise<void>,
  onFailure: (error: unknown, wanted: boolean) => void,
  gates: ToggleGates = {},
): Toggle {
  const store = createStore<ToggleState>({ on: false, pending: false });
  let is = false;
  let wish = false;
  let running = false;
  /** Counts how often everything was undone. */
  let undoings = 0;

  const run = async () => {
    running = true;
    for (;;) {
      if (gates.any && !gates.any.isOpen()) await gates.any.passed();
      if (wish === is) break;
      if (wish && gates.on && !gates.on.isOpen()) {
        await gates.on.passed();
        // The wish may be another one by now.
        continue;
      }
      const target = wish;
      const before = undoings;
      try {
        await apply(target);
        if (undoings === before) is = target;
      } catch (error) {
        // A newer wish may still succeed, and so may what was undone meanwhile; only a failed last wish is given up.
        if (wish === target && undoings === before) {
          wish = is;
          onFailure(error, target);
        }
      }
    }
    running = false;
    store.set({ on: is, pending: false });
  };

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    want(on) {
      wish = on;
      if (running) return store.set({ on, pending: true });
      if (on === is) return;
      store.set({ on, pending: true });
      void run();
    },
    happened(on) {
      if (running) return;
      is = on;
      wish = on;
      const { on: shown, pending } = store.getSnapshot();
      if (shown !== on || pending) store.set({ on, pending: false });
    },
    undone() {
      undoings += 1;
      is = false;
      if (running || !wish) return;
      store.set({ on: true, pending: true });
      void run();
    },
  };
}
