/** Lets everybody through while it is open; whoever comes while it is shut waits. */
export interface Gate {
  isOpen(): boolean;
  open(): void;
  shut(): void;
  /** Resolves when the gate is open. */
  passed(): Promise<void>;
}

export function createGate(): Gate {
  let isOpen = false;
  let waiting: (() => void)[] = [];
  const passed = async (): Promise<void> => {
    if (isOpen) return;
    await new Promise<void>((go) => waiting.push(go));
    // It may have been shut again before everybody was through.
    return passed();
  };
  return {
    isOpen: () => isOpen,
    open() {
      isOpen = true;
      const now = waiting;
      waiting = [];
      for (const go of now) go();
    },
    shut() {
      isOpen = false;
    },
    passed,
  };
}
