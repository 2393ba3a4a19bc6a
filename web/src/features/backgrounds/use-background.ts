import { useEffect, useState } from "react";
import { useStore } from "../../kit/use-store";
import { settleBackground, type Background, type Instead } from "../../session/background/choice";
import { createShown, type ShownState } from "../../session/background/shown";
import { canHaveBackground } from "../../session/background/support";
import { mayUseCamera } from "../../session/rights";
import { usePrefs } from "../settings/prefs-context";
import { useMe, useSession } from "../visit/context";

export interface BackgroundChoice {
  /** What to make of it on the screen: no sign of it, a word why not, or the choice. */
  readonly offer: "nothing" | "unsupported" | "choice";
  readonly chosen: Background;
  /** What the choice comes to here. */
  readonly background: Background;
  readonly instead: Instead | null;
  readonly saving: boolean;
  choose(background: Background): void;
  setSaving(on: boolean): void;
}

export function useBackground(): BackgroundChoice {
  const room = useStore(useSession().room);
  const me = useMe();
  const [{ background: chosen, backgroundSaving }, change] = usePrefs();
  const isSupported = canHaveBackground();
  const isAllowed = room !== null && room.state.features.virtualBackgrounds;
  const hasCamera = room !== null && me !== null && mayUseCamera(me, room.state).ok;
  return {
    offer: !isAllowed || !hasCamera ? "nothing" : isSupported ? "choice" : "unsupported",
    chosen,
    ...settleBackground(chosen, room, isSupported),
    saving: backgroundSaving,
    choose: (background) => change({ background }),
    setSaving: (on) => change({ backgroundSaving: on }),
  };
}

/** The camera's picture as others would see it. */
export function useShown(camera: MediaStream | null): ShownState {
  const { notices } = useSession();
  const { background, saving } = useBackground();
  const [, change] = usePrefs();
  const [shown] = useState(() => createShown());
  useEffect(() => shown.show(camera, background, saving), [shown, camera, background, saving]);
  useEffect(() => () => shown.dispose(), [shown]);
  const state = useStore(shown);
  const trouble = state.missing ? "missing" : state.slow ? "slow" : null;
  useEffect(() => {
    if (trouble === null) return;
    notices.show({
      group: `background-${trouble}`,
      level: "warning",
      passing: true,
      text: { key: `notice.background.${trouble}` },
      ...(trouble === "slow" &&
        !saving && {
          action: { key: "notice.background.save", run: () => change({ backgroundSaving: true }) },
        }),
    });
  }, [trouble, notices, saving, change]);
  return state;
}
