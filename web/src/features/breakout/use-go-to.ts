import { useCallback } from "react";
import { together } from "../../session/together";
import { refusalText } from "../../session/refusal-text";
import { useVisit } from "../visit/context";

/** To a breakout room or back, in place: the same page, the same devices, another room. */
export function useGoTo(): (roomId: string) => Promise<void> {
  const { session, travel } = useVisit();
  return useCallback(
    async (roomId: string) => {
      const answer = await together(session).breakouts.tokenFor(roomId);
      if ("token" in answer) return travel(answer.token, roomId);
      const { reason } = answer;
      const text = refusalText(reason, "breakout.failed");
      session.notices.show({ group: "breakout-failed", level: "error", text });
    },
    [session, travel],
  );
}
