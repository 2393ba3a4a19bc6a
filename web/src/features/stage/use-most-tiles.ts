import { useMediaQuery } from "../../kit/use-media-query";
import { usePrefs } from "../settings/prefs-context";

/** Held in a hand: a small screen, whichever way it is turned, or a larger one. */
const TOUCH = "(pointer: coarse)";
const SMALL = "(max-width: 599px), (max-height: 599px)";

/** So many moving pictures at once are as much as such a machine shows for an hour without growing hot. */
const ON_PHONES = 6;
const ON_TABLETS = 9;

/** How many people a page may hold: what somebody chose, else what their machine is good for. */
export function useMostTiles(): number | null {
  const [{ tilesPerPage }] = usePrefs();
  const touch = useMediaQuery(TOUCH);
  const small = useMediaQuery(SMALL);
  if (tilesPerPage !== null || !touch) return tilesPerPage;
  return small ? ON_PHONES : ON_TABLETS;
}
