import { useCallback } from "react";
import type { Outcome } from "../../wire/encode";
import { refusalText } from "../../session/refusal-text";
import { useSession } from "../visit/context";

/** Says why the server did not do what was asked, if it did not. */
export function useFailure(): (asked: Promise<Outcome>) => void {
  const { notices } = useSession();
  return useCallback(
    async (asked) => {
      const { ok, reason } = await asked;
      if (ok) return;
      const text = refusalText(reason, "breakout.failed");
      notices.show({ group: "breakout-failed", level: "error", text });
    },
    [notices],
  );
}
