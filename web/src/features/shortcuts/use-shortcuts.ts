import { useEffect } from "react";
import { usePrefs } from "../settings/prefs-context";
import { useVisit } from "../visit/context";
import { actionFor, takesText } from "./keys";
import { createPushToTalk } from "./push-to-talk";

/** Listens for the shortcuts while a meeting is on screen; the space bar is push-to-talk. */
export function useShortcuts(): void {
  const { session, actions, ui } = useVisit();
  const [{ shortcuts, keys }] = usePrefs();
  useEffect(() => {
    if (!shortcuts) return undefined;
    const { microphone } = session.media;
    const pushToTalk = createPushToTalk({
      isOn: () => microphone.getSnapshot().on,
      start() {
        ui.talk(true);
        actions.microphone.run();
      },
      stop() {
        ui.talk(false);
        microphone.want(false);
      },
    });
    const onDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || ui.getSnapshot().dialog !== null) return;
      if (pushToTalk.down(event)) return;
      const action = actionFor(event, takesText(event.target), actions, keys);
      if (!action) return;
      event.preventDefault();
      action.run();
    };
    window.addEventListener("keydown", onDown);
    return () => {
      window.removeEventListener("keydown", onDown);
      pushToTalk.dispose();
    };
  }, [session, actions, ui, shortcuts, keys]);
}
