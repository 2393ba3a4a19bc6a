/**
 * Short messages that come and go. Similar ones merge: "3 people joined" instead of three toasts. What has
 * gone is kept in a list, so that nothing is missed by looking away.
 */
import type { TextKey } from "../i18n/keys";
import type { NoticeLevel } from "../wire/types";
import type { Alert } from "./alerts";
import type { Panel } from "./prefs";
import { createStore, type Readable } from "./store";

/** What a notice says: a translation key with its values, or the server's text as it came. */
export type NoticeText =
  | { readonly key: TextKey; readonly values?: Readonly<Record<string, NoticeValue>> }
  | { readonly plain: string };

/** A value of a text; `keyed` is itself a translation key. */
export type NoticeValue = string | number | { readonly keyed: TextKey };

export interface Notice {
  readonly id: number;
  readonly level: NoticeLevel;
  /** Notices of one group merge while the first of them is still up. */
  readonly group: string | null;
  /** The names by person; whoever comes and goes twice counts once. */
  readonly about: ReadonlyMap<string, string>;
  readonly text: NoticeText;
  readonly sticky: boolean;
  readonly action: NoticeAction | null;
  /** Something else that may be done instead. */
  readonly also: NoticeAction | null;
  /** What is worth a sound, and a word from the system while the page is out of sight. */
  readonly alert: Alert | null;
  /** Where there is more to see. */
  readonly panel: Panel | null;
}

export interface NoticeAction {
  readonly key: TextKey;
  readonly run: () => void;
}

export interface NoticeRequest {
  readonly level?: NoticeLevel;
  readonly group?: string;
  /** For merging groups: who this one is about. */
  readonly about?: { readonly id: string; readonly name: string };
  /** True only at this moment, such as a hint: not worth a place in the list. */
  readonly passing?: boolean;
  readonly text: NoticeText;
  readonly sticky?: boolean;
  readonly action?: NoticeAction;
  readonly also?: NoticeAction;
  readonly alert?: Alert | null;
  readonly panel?: Panel | null;
}

/** Enough to read; errors stay longer. */
const SHOWN_MS: Readonly<Record<NoticeLevel, number>> = {
  info: 5_000,
  warning: 8_000,
  error: 12_000,
};
const MAX_SHOWN = 4;
const MAX_KEPT = 100;

/** A notice as it is remembered. */
export interface PastNotice extends Notice {
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface NoticeHistory {
  /** Newest first. */
  readonly all: readonly PastNotice[];
  /** How many have come since the list was last looked at. */
  readonly unseen: number;
}

export interface NoticeStore extends Readable<readonly Notice[]> {
  readonly history: Readable<NoticeHistory>;
  /** Takes up again what an earlier look at the same meeting had in its list. */
  restore(past: readonly PastNotice[]): void;
  /** The list has been looked at. */
  seen(): void;
  /** Nothing goes by itself while somebody reads or points at a notice. */
  hold(on: boolean): void;
  show(request: NoticeRequest): number;
  dismiss(id: number): void;
  dismissGroup(group: string): void;
  dispose(): void;
}

export function createNoticeStore(now: () => number = Date.now): NoticeStore {
  const store = createStore<readonly Notice[]>([]);
  const history = createStore<NoticeHistory>({ all: [], unseen: 0 });
  let held = false;
  const timers = new Map<number, ReturnType<typeof setTimeout>>();
  let nextId = 1;

  const dismiss = (id: number) => {
    clearTimeout(timers.get(id));
    timers.delete(id);
    store.update((all) => (all.some((n) => n.id === id) ? all.filter((n) => n.id !== id) : all));
  };
  const schedule = (notice: Notice) => {
    clearTimeout(timers.get(notice.id));
    if (!notice.sticky && !held)
      timers.set(
        notice.id,
        setTimeout(() => dismiss(notice.id), SHOWN_MS[notice.level]),
      );
  };

  const remember = (notice: Notice) =>
    history.update(({ all, unseen }) => {
      const others = all.filter(({ id }) => id !== notice.id);
      const isNew = others.length === all.length;
      return {
        all: [{ ...notice, at: now() }, ...others].slice(0, MAX_KEPT),
        unseen: unseen + (isNew || unseen === 0 ? 1 : 0),
      };
    });

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    history,
    restore: (past) =>
      history.update(({ all, unseen }) => ({
        // Numbers of their own: what comes now never replaces them.
        all: [...all, ...past.map((notice, index) => ({ ...notice, id: -1 - index }))].slice(
          0,
          MAX_KEPT,
        ),
        unseen,
      })),
    seen: () => history.update((h) => (h.unseen === 0 ? h : { ...h, unseen: 0 })),
    hold(on) {
      // Said again it would begin everybody's time anew.
      if (on === held) return;
      held = on;
      for (const notice of store.getSnapshot()) {
        if (!on) schedule(notice);
        else clearTimeout(timers.get(notice.id));
      }
    },
    show(request) {
      const group = request.group ?? null;
      const before =
        group === null ? undefined : store.getSnapshot().find((n) => n.group === group);
      const about = new Map(before?.about);
      if (request.about) about.set(request.about.id, request.about.name);
      const notice: Notice = {
        id: before?.id ?? nextId++,
        level: request.level ?? "info",
        group,
        about,
        text: request.text,
        sticky: request.sticky ?? false,
        action: request.action ?? null,
        also: request.also ?? null,
        alert: request.alert ?? null,
        panel: request.panel ?? null,
      };
      store.update((all) => {
        if (before) return all.map((n) => (n.id === notice.id ? notice : n));
        const kept = all.length < MAX_SHOWN ? all : dropOldest(all, dismissLater);
        return [...kept, notice];
      });
      schedule(notice);
      if (!request.passing) remember(notice);
      return notice.id;
    },
    dismiss,
    dismissGroup(group) {
      for (const n of store.getSnapshot()) if (n.group === group) dismiss(n.id);
    },
    dispose() {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };

  function dismissLater(id: number) {
    clearTimeout(timers.get(id));
    timers.delete(id);
  }
}

/** Makes room for one more: the oldest that may go, goes. */
function dropOldest(all: readonly Notice[], forget: (id: number) => void): readonly Notice[] {
  const victim = all.find((n) => !n.sticky) ?? all[0];
  if (!victim) return all;
  forget(victim.id);
  return all.filter((n) => n !== victim);
}
