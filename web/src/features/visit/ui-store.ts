/** What is open on this screen. Nothing here travels. */
import { createStore, type Readable } from "../../session/store";
import type { Panel } from "../../session/prefs";
import type { ParticipantId } from "../../wire/types";

export type DialogName =
  | "leave"
  | "settings"
  | "background"
  | "shortcuts"
  | "invite"
  | "locks"
  | "remove"
  | "blocked"
  | "mute-all"
  | "external-link"
  | "player";

export interface Ui {
  readonly panel: Panel | null;
  readonly dialog: DialogName | null;
  /** Whom the dialog is about, where it is about somebody. */
  readonly about: ParticipantId | null;
  /** Whose tile is large, for this screen only. */
  readonly pinned: ParticipantId | null;
  /** Whether somebody talks for as long as they hold a key. */
  readonly talking: boolean;
  /** How loud somebody is played here, 0 to 1; who is not in it is played as they come. */
  readonly volumes: ReadonlyMap<ParticipantId, number>;
}

export interface UiStore extends Readable<Ui> {
  togglePanel(panel: Panel): void;
  showPanel(panel: Panel | null): void;
  showDialog(dialog: DialogName | null, about?: ParticipantId): void;
  togglePin(who: ParticipantId): void;
  talk(on: boolean): void;
  setVolume(who: ParticipantId, volume: number): void;
  /** What the Back of a phone or browser means: close what is on top, else ask whether to leave. */
  back(panelIsSheet: boolean): void;
}

export function createUi(panel: Panel | null, onPanel: (panel: Panel | null) => void): UiStore {
  const store = createStore<Ui>({
    panel,
    dialog: null,
    about: null,
    pinned: null,
    talking: false,
    volumes: new Map(),
  });
  const showPanel = (next: Panel | null) => {
    store.update((now) => ({ ...now, panel: next }));
    onPanel(next);
  };
  const showDialog: UiStore["showDialog"] = (dialog, about) =>
    store.update((now) => ({ ...now, dialog, about: about ?? null }));
  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    showPanel,
    togglePanel: (next) => showPanel(store.getSnapshot().panel === next ? null : next),
    showDialog,
    back(panelIsSheet) {
      const { panel: open, dialog } = store.getSnapshot();
      if (dialog !== null) showDialog(null);
      else if (panelIsSheet && open !== null) showPanel(null);
      else showDialog("leave");
    },
    togglePin: (who) =>
      store.update((now) => ({ ...now, pinned: now.pinned === who ? null : who })),
    talk: (talking) => store.update((now) => ({ ...now, talking })),
    setVolume: (who, volume) =>
      store.update((now) => ({ ...now, volumes: new Map(now.volumes).set(who, volume) })),
  };
}
