import { useEffect } from "react";
import { usePrefs } from "../settings/prefs-context";
import { useVisit } from "../visit/context";
import { actionFor, takesSpace, takesText } from "./keys";

/** Listens for the shortcuts while a meeting is on screen; the space bar is push-to-talk. */
export function useShortcuts(): void {
  const { session, actions, ui } = useVisit();
  const [{ shortcuts }] = usePrefs();
  useEffect(() => {
    if (!shortcuts) return undefined;
    let talking = false;
    const { microphone } = session.media;
    const onDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || ui.getSnapshot().dialog !== null) return;
      if (event.code === "Space" && !takesSpace(event.target)) {
        event.preventDefault();
        if (!event.repeat && !microphone.getSnapshot().on) {
          talking = true;
          actions.microphone.run();
        }
        return;
      }
      const action = actionFor(event, takesText(event.target), actions);
      if (!action) return;
      event.preventDefault();
      action.run();
    };
    const stopTalking = () => {
      if (!talking) return;
      talking = false;
      microphone.want(false);
    };
    const onUp = (event: KeyboardEvent) => {
      if (event.code === "Space") stopTalking();
    };
    window.addEventListener("keydown", onDown);
    window.addEventListener("keyup", onUp);
    window.addEventListener("blur", stopTalking);
    return () => {
      window.removeEventListener("keydown", onDown);
      window.removeEventListener("keyup", onUp);
      window.removeEventListener("blur", stopTalking);
    };
  }, [session, actions, ui, shortcuts]);
}
