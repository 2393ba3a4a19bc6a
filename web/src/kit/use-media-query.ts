import { useMemo, useSyncExternalStore } from "react";

export const PHONE = "(max-width: 767px)";

/** Whether the page is as narrow (or as dark, or as still) as the query says, now and later. */
export function useMediaQuery(query: string): boolean {
  const list = useMemo(() => window.matchMedia(query), [query]);
  return useSyncExternalStore(
    (tell) => {
      list.addEventListener("change", tell);
      return () => list.removeEventListener("change", tell);
    },
    () => list.matches,
  );
}
