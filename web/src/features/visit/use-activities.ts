import { useEffect } from "react";
import { begin } from "../../session/together";
import { useGoTo } from "../breakout";
import { useVisit } from "./context";

/** Begins to listen to what people do together, and shows where it leads. */
export function useActivities(): void {
  const { session, ui, wayBack } = useVisit();
  const go = useGoTo();
  useEffect(() => {
    begin(session, {
      show: ui.showPanel,
      go: (roomId) => void go(roomId),
      keepWayBack: wayBack.renew,
    });
  }, [session, ui, wayBack, go]);
}
