/** The address bar as a store. A token never stays in it: it moves into this tab's own memory. */
import { createStore, type Readable } from "../session/store";
import { routeOf, VISIT_HASH, type Route } from "./route";

const TOKEN_KEY = "plenum.token";
const SPENT_KEY = "plenum.spent";
const DESIGN_KEY = "plenum.design";

export interface Navigation extends Readable<Route> {
  /** Goes to an address of our own; foreign ones are refused. */
  go(address: string): void;
  /** From an ended visit to the front door, for good. */
  goHome(): void;
  /** A newer token for the visit under way. */
  keepToken(token: string): void;
  /** Colours asked for by the link, as they came. */
  design(): string | null;
  /**
   * While held, the browser's Back does not leave the page; it asks `onBack` instead, and closing the tab
   * asks once. Returns the way to let go.
   */
  holdBack(onBack: () => void): () => void;
}

/** Marks the history entry that Back takes away instead of the meeting. */
const HELD = { plenum: "held" } as const;

const isHeld = (state: unknown): boolean =>
  typeof state === "object" && state !== null && "plenum" in state && state.plenum === HELD.plenum;

export function createNavigation(): Navigation {
  const keep = (key: string, value: string | null) => {
    try {
      if (value === null) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, value);
    } catch {
      // Without storage a reload asks for the link again; the visit itself goes on.
    }
  };
  const kept = (key: string) => {
    try {
      return sessionStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const read = (): Route => {
    const { pathname, search, hash } = window.location;
    const address = { pathname, search, hash, cookie: document.cookie };
    const route = routeOf(address, kept(TOKEN_KEY), kept(SPENT_KEY));
    const query = new URLSearchParams(search);
    if (query.has("custom_design")) keep(DESIGN_KEY, query.get("custom_design"));
    if (route.at === "visit") {
      keep(TOKEN_KEY, route.token);
      if (search !== "") window.history.replaceState(null, "", `/${VISIT_HASH}`);
    }
    return route;
  };
  const store = createStore<Route>(read());
  let onBack: (() => void) | null = null;
  /** One entry on top of the meeting's own; there is one already after a reload. */
  const hold = () => {
    if (!isHeld(window.history.state)) window.history.pushState(HELD, "", `/${VISIT_HASH}`);
  };
  const askBeforeUnload = (event: BeforeUnloadEvent) => event.preventDefault();
  window.addEventListener("popstate", () => {
    if (onBack === null) return store.set(read());
    if (isHeld(window.history.state)) return;
    hold();
    onBack();
  });

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    go(address) {
      const url = new URL(address, window.location.href);
      if (url.origin !== window.location.origin) return;
      window.history.pushState(null, "", url);
      store.set(read());
    },
    goHome() {
      const now = store.getSnapshot();
      // The cookie would lead straight back into the visit that has just ended.
      if (now.at === "visit") keep(SPENT_KEY, now.token);
      keep(TOKEN_KEY, null);
      window.history.pushState(null, "", "/");
      store.set(read());
    },
    keepToken: (token) => keep(TOKEN_KEY, token),
    design: () => kept(DESIGN_KEY),
    holdBack(ask) {
      onBack = ask;
      hold();
      window.addEventListener("beforeunload", askBeforeUnload);
      return () => {
        if (onBack === ask) onBack = null;
        window.removeEventListener("beforeunload", askBeforeUnload);
      };
    },
  };
}
