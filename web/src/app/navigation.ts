/** The address bar as a store. A token never stays in it: it moves into this tab's own memory. */
import { createStore, type Readable } from "../session/store";
import { routeOf, VISIT_HASH, type Route } from "./route";

const TOKEN_KEY = "plenum.token";
const DESIGN_KEY = "plenum.design";

export interface Navigation extends Readable<Route> {
  /** Goes to an address of our own; foreign ones are refused. */
  go(address: string): void;
  /** A newer token for the visit under way. */
  keepToken(token: string): void;
  /** Colours asked for by the link, as they came. */
  design(): string | null;
}

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
    const route = routeOf({ pathname, search, hash, cookie: document.cookie }, kept(TOKEN_KEY));
    const query = new URLSearchParams(search);
    if (query.has("custom_design")) keep(DESIGN_KEY, query.get("custom_design"));
    if (route.at === "visit") {
      keep(TOKEN_KEY, route.token);
      if (search !== "") window.history.replaceState(null, "", `/${VISIT_HASH}`);
    }
    return route;
  };
  const store = createStore<Route>(read());
  window.addEventListener("popstate", () => store.set(read()));

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    go(address) {
      const url = new URL(address, window.location.href);
      if (url.origin !== window.location.origin) return;
      window.history.pushState(null, "", url);
      store.set(read());
    },
    keepToken: (token) => keep(TOKEN_KEY, token),
    design: () => kept(DESIGN_KEY),
  };
}
