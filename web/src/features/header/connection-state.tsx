import { Popover, PopoverButton, PopoverPanel } from "@headlessui/react";
import { Wifi, TriangleAlert, WifiOff } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { useSelected, useStore } from "../../kit/use-store";
import { isWeak } from "../../session/media";
import { useSession } from "../visit/context";
import { Figures } from "./figures";

type State = "good" | "connecting" | "weak" | "reconnecting" | "unresponsive";

const ICONS = {
  good: Wifi,
  connecting: Wifi,
  weak: TriangleAlert,
  reconnecting: WifiOff,
  unresponsive: WifiOff,
} as const;

function useConnection(): State {
  const { line, media, me } = useSession();
  const lineState = useStore(line);
  const status = useSelected(media, (now) => now.status);
  const weak = useSelected(media, ({ people }) => {
    const id = me();
    const mine = id === null ? undefined : people.get(id);
    return mine !== undefined && (mine.quality === "lost" || isWeak(mine));
  });
  if (lineState !== "good") return lineState;
  if (status === "reconnecting" || status === "lost") return "reconnecting";
  if (status === "connecting") return "connecting";
  return weak ? "weak" : "good";
}

/** Always in the same place: a picture and a word for how the connection is doing. */
export function ConnectionState() {
  const { t } = useTranslation();
  const state = useConnection();
  const text = t(`header.line.${state}`);
  const before = useRef(state);
  useEffect(() => {
    if (before.current !== state) announce(text);
    before.current = state;
  }, [state, text]);
  const Icon = ICONS[state];
  return (
    <Popover>
      <PopoverButton className="chip connection" data-state={state} title={text}>
        <Icon className="icon icon-small" aria-hidden="true" />
        <span className="connection-text">{text}</span>
      </PopoverButton>
      <PopoverPanel className="menu figures" anchor={{ to: "bottom end", gap: 4, padding: 12 }}>
        <Figures />
      </PopoverPanel>
    </Popover>
  );
}
