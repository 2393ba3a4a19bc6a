import { useState } from "react";
import { useTranslation } from "react-i18next";
import { SelectField } from "../../kit/field";
import { useSelected, useStore } from "../../kit/use-store";
import { chooseDevice, DEVICE_WORDS } from "../../session/choose-device";
import type { DeviceKind } from "../../session/media";
import { useVisit } from "../visit/context";
import { usePrefs } from "./prefs-context";

/** Stands for whatever the browser takes. */
const AWAY = "";

/**
 * Which device to use; a change takes effect at once, also in the middle of a meeting. `tried` is the one that is open
 * before there is a meeting.
 */
export function useDeviceChoice(kind: DeviceKind, tried: string | null = null) {
  const { t } = useTranslation();
  const { devices, session } = useVisit();
  const [prefs, changePrefs] = usePrefs();
  const list = useStore(devices).filter((device) => device.kind === kind);
  /** Shown at once, and kept where it could be opened. */
  const [asked, setAsked] = useState<string | null>(null);
  const word = t(`device.${DEVICE_WORDS[kind]}`);
  const chosen = prefs[DEVICE_WORDS[kind]];
  const inUse = useSelected(session.media, (now) => now.inUse[kind]) ?? tried;
  const used = list.find(({ id }) => id === inUse)?.id;
  // While the chosen one is away the browser takes another; before that is open nobody knows which, and each may be chosen.
  const isThere = list.some(({ id }) => id === chosen);
  const isAway = used === undefined && chosen !== null && !isThere && list.length > 0;
  const usual = isAway ? undefined : list[0]?.id;
  const named = list.map(({ id, label }, index) => ({
    value: id,
    label: label || t("device.unnamed", { kind: word, number: index + 1 }),
  }));
  return {
    word,
    value: asked ?? used ?? (isThere ? chosen : usual) ?? AWAY,
    choices: isAway ? [{ value: AWAY, label: t("device.usual") }, ...named] : named,
    async choose(id: string) {
      if (id === AWAY) return;
      const inMeeting = session.phase.getSnapshot().at === "meeting";
      if (inMeeting) {
        setAsked(id);
        const taken = await chooseDevice(session, kind, id);
        setAsked(null);
        if (!taken) return;
      }
      changePrefs({ [DEVICE_WORDS[kind]]: id });
    },
  };
}

interface DeviceSelectProps {
  readonly kind: DeviceKind;
  readonly tried?: string | null;
}

export function DeviceSelect({ kind, tried = null }: DeviceSelectProps) {
  const { t } = useTranslation();
  const { word, value, choices, choose } = useDeviceChoice(kind, tried);
  const none = choices.length === 0;
  return (
    <SelectField
      label={word}
      value={value}
      disabled={none}
      choices={none ? [{ value: "", label: t("device.usual") }] : choices}
      onChange={(id) => void choose(id)}
    />
  );
}
