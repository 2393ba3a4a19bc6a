import { useCallback } from "react";
import type { Outcome } from "../../wire/encode";
import { useSession } from "../visit/context";

/** Says why the server did not do what was asked, if it did not. */
export function useFailure(): (asked: Promise<Outcome>) => void {
  const { notices } = useSession();
  return useCallback(
    async (asked) => {
      const { ok, reason } = await asked;
      if (ok) return;
      const text = reason === "" ? ({ key: "breakout.failed" } as const) : { plain: reason };
      notices.show({ group: "breakout-failed", level: "error", text });
    },
    [notices],
  );
}
