/** What goes with the tab: there after a reload, gone when it is closed. `null` where the browser forbids it. */
export function tabStorage(): Storage | null {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}

/** What is asked of a storage here; `null` stands for one that the browser forbids. */
export type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** What is kept under a key: of any shape, for anything may stand in a storage. `null` where nothing can be read. */
export function kept(storage: Pick<Store, "getItem"> | null, key: string): unknown {
  try {
    return JSON.parse(storage?.getItem(key) ?? "null") as unknown;
  } catch {
    return null;
  }
}

/** Keeps a value. A full or forbidden storage only means that a reload begins without it. */
export function keep(storage: Pick<Store, "setItem"> | null, key: string, value: unknown): void {
  try {
    storage?.setItem(key, JSON.stringify(value));
  } catch {
    // As said above.
  }
}

/** What cannot be removed goes with the tab. */
export function forget(storage: Store | null, key: string): void {
  try {
    storage?.removeItem(key);
  } catch {
    // As said above.
  }
}
