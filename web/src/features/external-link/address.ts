/** The address of a page that is shown to everybody: what is allowed, and what it may be told. */

/** What the page can be told about who shows it. Nothing by default. */
export const PARAMETERS = ["name", "userId", "role", "meetingId"] as const;
export type Parameter = (typeof PARAMETERS)[number];

export type AddressProblem = "empty" | "notHttps" | "own";

/** `ownHost` is where this page comes from: shown inside itself, a page could act for whoever looks at it. */
export function addressProblem(text: string, ownHost: string): AddressProblem | null {
  if (text.trim() === "") return "empty";
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : null;
  if (url?.protocol !== "https:" || url.hostname === "") return "notHttps";
  return url.host === ownHost ? "own" : null;
}

/** Somebody who types an address leaves out what every address begins with. */
export const withScheme = (text: string): string =>
  /^[a-z][\w+.-]*:/iu.test(text.trim()) || text.trim() === ""
    ? text.trim()
    : `https://${text.trim()}`;

export function withParameters(
  address: string,
  values: Readonly<Record<Parameter, string>>,
  wanted: ReadonlySet<Parameter>,
): string {
  const url = new URL(address);
  for (const name of PARAMETERS) if (wanted.has(name)) url.searchParams.set(name, values[name]);
  return url.href;
}
