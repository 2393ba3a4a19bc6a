import { Mic, MicOff, ScreenShare, ScreenShareOff, Video, VideoOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useStore } from "../../kit/use-store";
import { useMe, useRoomState, useVisit } from "../visit/context";
import type { ActionId } from "../shortcuts";
import { BackgroundItem } from "../backgrounds/background-item";
import { DeviceMenu } from "./device-menu";
import { ToolButton } from "./tool-button";

/** Whether this is refused right now (the button then explains instead of acting). */
export function useRefused(id: ActionId): boolean {
  const { actions } = useVisit();
  const me = useMe();
  const room = useRoomState();
  return me !== null && room !== null && !actions[id].right(me, room).ok;
}

export function MicrophoneButton() {
  const { t } = useTranslation();
  const { session, actions } = useVisit();
  const { on, pending } = useStore(session.media.microphone);
  const state = t(on ? "view.micIsOn" : "view.micIsOff");
  const action = t(on ? "toolbar.mute" : "toolbar.unmute");
  return (
    <div className="tool-pair" data-tone={on ? "plain" : "alert"}>
      <ToolButton
        icon={on ? Mic : MicOff}
        label={`${state}, ${action}`}
        caption={state}
        description={action}
        tone={on ? "plain" : "alert"}
        refused={useRefused("microphone")}
        busy={pending}
        onClick={actions.microphone.run}
      />
      <DeviceMenu label={t("toolbar.chooseMicrophone")} kinds={["audioinput", "audiooutput"]} />
    </div>
  );
}

export function CameraButton() {
  const { t } = useTranslation();
  const { session, actions } = useVisit();
  const { on, pending } = useStore(session.media.camera);
  const state = t(on ? "view.cameraIsOn" : "view.cameraIsOff");
  const action = t(on ? "toolbar.cameraOff" : "toolbar.cameraOn");
  return (
    <div className="tool-pair" data-tone={on ? "plain" : "alert"}>
      <ToolButton
        icon={on ? Video : VideoOff}
        label={`${state}, ${action}`}
        caption={state}
        description={action}
        tone={on ? "plain" : "alert"}
        refused={useRefused("camera")}
        busy={pending}
        onClick={actions.camera.run}
      />
      <DeviceMenu label={t("toolbar.chooseCamera")} kinds={["videoinput"]}>
        <BackgroundItem />
      </DeviceMenu>
    </div>
  );
}

export function ShareButton() {
  const { t } = useTranslation();
  const { session, actions } = useVisit();
  const { on, pending } = useStore(session.media.screen);
  return (
    <ToolButton
      icon={on ? ScreenShareOff : ScreenShare}
      label={t(on ? "toolbar.stopShare" : "toolbar.share")}
      caption={t(on ? "toolbar.stopShareShort" : "toolbar.shareShort")}
      tone={on ? "active" : "plain"}
      refused={useRefused("screen")}
      busy={pending}
      onClick={actions.screen.run}
    />
  );
}
