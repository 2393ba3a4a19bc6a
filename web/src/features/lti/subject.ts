/** What the page is about: put into its head by the server, and kept by the tab for a reload. */

export interface RoomSubject {
  readonly page: "room";
  readonly token: string;
  readonly title: string;
  readonly name: string;
  readonly isAdmin: boolean;
  /** As the platform sent it; only colours are used. */
  readonly design: Readonly<Record<string, unknown>>;
}

export interface LinkSubject {
  readonly page: "link";
  readonly token: string;
  readonly course: string;
}

export interface RegisterSubject {
  readonly page: "register";
  /** This server, as the platform should call it. */
  readonly origin: string;
}

export type Subject = RoomSubject | LinkSubject | RegisterSubject;

const KEY = "plenum.lti";
/** Where a launched page can be loaded again; the launch itself works once. */
const ROOM_ADDRESS = "/lti/room";

/** What the page is about, or `null` if nobody was launched here. */
export function subject(): Subject | null {
  const said = document.querySelector<HTMLMetaElement>('meta[name="lti"]')?.content ?? "";
  if (said === "") return parsed(kept());
  const found = parsed(said);
  if (found?.page === "room" && keep(said)) window.history.replaceState(null, "", ROOM_ADDRESS);
  return found;
}

function keep(said: string): boolean {
  try {
    sessionStorage.setItem(KEY, said);
    return true;
  } catch {
    // Forbidden, as in many frames: a reload then asks the platform again.
    return false;
  }
}

function kept(): string {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

export function parsed(said: string): Subject | null {
  const fields = json(said);
  const text = (name: string) => {
    const value = fields[name];
    return typeof value === "string" ? value : "";
  };
  switch (fields["page"]) {
    case "room": {
      const design = fields["design"];
      return {
        page: "room",
        token: text("token"),
        title: text("title"),
        name: text("name"),
        isAdmin: fields["is_admin"] === true,
        design:
          typeof design === "object" && design !== null ? (design as Record<string, unknown>) : {},
      };
    }
    case "link":
      return { page: "link", token: text("token"), course: text("course") };
    case "register":
      return { page: "register", origin: text("origin") };
    default:
      return null;
  }
}

function json(said: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(said);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
