/** Where something to play comes from. Pure. */

/** The host others would learn our address at, `null` for our own server. */
export function foreignHost(url: string, origin: string): string | null {
  const address = new URL(url, origin);
  return address.origin === origin ? null : address.host;
}

/** An address as typed, if it is one the server takes; `null` if not. */
export function addressFrom(typed: string): string | null {
  const text = typed.trim();
  if (!URL.canParse(text)) return null;
  const { protocol, username } = new URL(text);
  return protocol === "https:" && username === "" ? text : null;
}
