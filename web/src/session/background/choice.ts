/** What somebody is seen in front of, and whether that is possible here. Pure. */
import type { RoomInfo } from "../../wire/types";

export type Background =
  | { readonly kind: "none" }
  | { readonly kind: "blur"; readonly strong: boolean }
  /** One of those that come with the client or from the operator. */
  | { readonly kind: "picture"; readonly id: string }
  /** A picture of one's own, kept with the files of one session of a room. */
  | { readonly kind: "own"; readonly address: string; readonly session: string };

export const NONE: Background = { kind: "none" };
/** What stands in for a picture that is not there: nothing of the room shows. */
export const VEIL: Background = { kind: "blur", strong: true };

/** Longest address or name that is taken from what was stored. */
const MAX_WORD = 2_000;

/** From what was stored, whatever it has become. */
export function readBackground(raw: unknown): Background {
  if (typeof raw !== "object" || raw === null) return NONE;
  const { kind, strong, id, address, session } = raw as Record<string, unknown>;
  const isWord = (value: unknown): value is string =>
    typeof value === "string" && value !== "" && value.length <= MAX_WORD;
  if (kind === "blur") return { kind, strong: strong === true };
  if (kind === "picture" && isWord(id)) return { kind, id };
  if (kind === "own" && isWord(address) && address.startsWith("/download/") && isWord(session))
    return { kind, address, session };
  return NONE;
}

export function isSameBackground(one: Background, other: Background): boolean {
  switch (one.kind) {
    case "none":
      return other.kind === "none";
    case "blur":
      return other.kind === "blur" && one.strong === other.strong;
    case "picture":
      return other.kind === "picture" && one.id === other.id;
    case "own":
      return other.kind === "own" && one.address === other.address;
    default:
      return one satisfies never;
  }
}

/**
 * Why it is not as chosen: the meeting has none, the browser cannot, or the picture was kept with another
 * session.
 */
export type Instead = "off" | "unsupported" | "elsewhere";

export interface Settled {
  readonly background: Background;
  readonly instead: Instead | null;
}

/** What the choice comes to in this room and this browser. */
export function settleBackground(
  chosen: Background,
  room: RoomInfo | null,
  isSupported: boolean,
): Settled {
  if (chosen.kind === "none") return { background: NONE, instead: null };
  if (room && !room.state.features.virtualBackgrounds) return { background: NONE, instead: "off" };
  if (!isSupported) return { background: NONE, instead: "unsupported" };
  if (chosen.kind === "own" && room && chosen.session !== room.sid)
    return { background: VEIL, instead: "elsewhere" };
  return { background: chosen, instead: null };
}
