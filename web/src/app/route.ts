/** Which page an address means, and where a join token is kept between two loads of the page. */

export type Route =
  | { readonly at: "front-door" }
  | { readonly at: "join"; readonly code: string }
  | { readonly at: "visit"; readonly token: string };

/** Marks an address whose token has been moved into this tab's memory. */
export const VISIT_HASH = "#meeting";

export interface Address {
  readonly pathname: string;
  readonly search: string;
  readonly hash: string;
  /** `document.cookie` */
  readonly cookie: string;
}

/**
 * The token in the address wins; then this tab's own; then the cookie an embedding site has set, unless
 * its visit has ended already (`spent`).
 */
export function routeOf(address: Address, kept: string | null, spent: string | null = null): Route {
  const token = new URLSearchParams(address.search).get("access_token");
  if (token) return { at: "visit", token };
  const join = /^\/join\/([^/]+)\/?$/u.exec(address.pathname);
  if (join?.[1] !== undefined) return { at: "join", code: decoded(join[1]) };
  if (address.hash === VISIT_HASH && kept) return { at: "visit", token: kept };
  const cookie = /(?:^|;\s*)pnm_access_token=([^;]+)/u.exec(address.cookie)?.[1];
  if (cookie === undefined || decoded(cookie) === spent) return { at: "front-door" };
  return { at: "visit", token: decoded(cookie) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
