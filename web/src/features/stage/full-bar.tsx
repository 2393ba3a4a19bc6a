import { Mic, MicOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../kit/icon-button";
import { useStore } from "../../kit/use-store";
import { useVisit } from "../visit/context";

/** What stays at hand of the bar while one thing fills the screen: whether one is heard, and the switch for it. */
export function FullBar() {
  const { t } = useTranslation();
  const { session, actions } = useVisit();
  const { on, pending } = useStore(session.media.microphone);
  const state = t(on ? "view.micIsOn" : "view.micIsOff");
  return (
    <div className="full-bar" data-on={on}>
      <IconButton
        icon={on ? Mic : MicOff}
        label={`${state}, ${t(on ? "toolbar.mute" : "toolbar.unmute")}`}
        aria-busy={pending || undefined}
        onClick={actions.microphone.run}
      />
    </div>
  );
}
