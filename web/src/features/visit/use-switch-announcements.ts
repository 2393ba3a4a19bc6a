import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import type { TextKey } from "../../i18n/keys";
import { announce } from "../../kit/announcer";
import type { MediaSwitch } from "../../session/media";
import { useVisit } from "./context";

const WORDS: Readonly<Record<MediaSwitch, readonly [on: TextKey, off: TextKey]>> = {
  microphone: ["view.micIsOn", "view.micIsOff"],
  camera: ["view.cameraIsOn", "view.cameraIsOff"],
  screen: ["stage.youShare", "stage.youShareNoMore"],
};
const SWITCHES = Object.keys(WORDS) as MediaSwitch[];

/**
 * Says how microphone, camera and shared screen stand after a change, whoever made it and with whatever: a key moves no
 * focus that could say it. Not while somebody talks with a key held down, whose whole way is to change it.
 */
export function useSwitchAnnouncements(): void {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const { media } = session;
  useEffect(() => {
    const stops = SWITCHES.map((which) => {
      let told = media[which].getSnapshot().on;
      return media[which].subscribe(() => {
        const { on, pending } = media[which].getSnapshot();
        if (pending || on === told || (which === "microphone" && ui.getSnapshot().talking)) return;
        told = on;
        const [onWords, offWords] = WORDS[which];
        announce(t((on ? onWords : offWords) as "view.micIsOn"));
      });
    });
    return () => stops.forEach((stop) => stop());
  }, [media, ui, t]);
}
