import { useContext, useEffect } from "react";
import { PrefsContext } from "../settings/prefs-context";
import { useRoomState } from "./context";

/** A room with a code can be offered again on the front door. */
export function useRememberRoom(): void {
  const prefs = useContext(PrefsContext);
  const room = useRoomState();
  const code = room?.inviteCode ?? null;
  const title = room?.title ?? "";
  useEffect(() => {
    if (code !== null) prefs.visited({ code, title });
  }, [prefs, code, title]);
}
