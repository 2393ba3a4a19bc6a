import { useEffect, useEffectEvent, useRef } from "react";
import { usePrefs } from "../settings/prefs-context";
import { useSession } from "../visit/context";
import type { Share } from "./use-tiles";

/** Whoever has shared screens switched off is told when there is one, and can see it after all. */
export function useHiddenShares(hidden: readonly Share[]): void {
  const { notices } = useSession();
  const [, change] = usePrefs();
  const told = useRef<ReadonlySet<string>>(new Set());
  const tell = useEffectEvent((name: string) =>
    notices.show({
      group: "hidden-share",
      level: "warning",
      passing: true,
      text: { key: "notice.shareHidden", values: { name } },
      action: { key: "notice.showMore", run: () => change({ showShares: true }) },
    }),
  );
  useEffect(() => {
    for (const { id, name } of hidden) if (!told.current.has(id)) tell(name);
    told.current = new Set(hidden.map(({ id }) => id));
    if (hidden.length === 0) notices.dismissGroup("hidden-share");
  }, [hidden, notices]);
}
