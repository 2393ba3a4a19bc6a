import { ChartBar, Film, Split } from "lucide-react";
import { useTranslation } from "react-i18next";
import { MenuAction, MenuLine } from "../../kit/menu";
import { useSelected } from "../../kit/use-store";
import { together } from "../../session/together";
import { callsForHelp } from "../../session/together/breakouts";
import { openPolls } from "../../session/together/polls";
import { useMe, useRoomState, useVisit } from "../visit/context";
import { ToolButton } from "./tool-button";

/** What this person may open of what people do together. */
function useOffers() {
  const isHost = useMe()?.isAdmin ?? false;
  const activities = useRoomState()?.activities;
  return {
    polls: (activities?.polls.allowed ?? false) && (isHost || (activities?.polls.active ?? false)),
    breakout:
      (activities?.breakout.allowed ?? false) && (isHost || (activities?.breakout.active ?? false)),
    player: isHost && (activities?.player.allowed ?? false),
  };
}

/** In the menu of what is needed now and then. */
export function ActivityItems() {
  const { t } = useTranslation();
  const { ui } = useVisit();
  const offers = useOffers();
  if (!offers.polls && !offers.breakout && !offers.player) return null;
  return (
    <>
      {offers.polls && (
        <MenuAction
          icon={ChartBar}
          label={t("polls.title")}
          onClick={() => ui.togglePanel("polls")}
        />
      )}
      {offers.breakout && (
        <MenuAction
          icon={Split}
          label={t("breakout.title")}
          onClick={() => ui.togglePanel("breakout")}
        />
      )}
      {offers.player && (
        <MenuAction icon={Film} label={t("player.title")} onClick={() => ui.showDialog("player")} />
      )}
      <MenuLine />
    </>
  );
}

/** What waits for this person: polls without their answer, and calls for help. */
export function useActivityNews(): { readonly count: number; readonly words: string } {
  const { t } = useTranslation();
  const { polls, breakouts } = together(useVisit().session);
  const unanswered = useSelected(polls, openPolls);
  const help = useSelected(breakouts, callsForHelp);
  const words = [
    ...(unanswered > 0 ? [t("polls.unanswered", { count: unanswered })] : []),
    ...(help > 0 ? [t("breakout.calls", { count: help })] : []),
  ];
  return { count: unanswered + help, words: words.join(", ") };
}

/** In the bar, while there is something in it for this person. */
export function ActivityButtons() {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const { polls, breakouts } = together(session);
  const running = useSelected(polls, (now) => now.polls.some((poll) => poll.running));
  const unanswered = useSelected(polls, openPolls);
  const rooms = useSelected(breakouts, (now) => now.rooms.length > 0 || now.mine !== null);
  const help = useSelected(breakouts, callsForHelp);
  const panel = useSelected(ui, (now) => now.panel);
  const count = t("polls.unanswered", { count: unanswered });
  const calls = t("breakout.calls", { count: help });
  return (
    <>
      {(running || panel === "polls") && (
        <ToolButton
          icon={ChartBar}
          label={unanswered === 0 ? t("polls.title") : `${t("polls.title")}, ${count}`}
          caption={t("polls.title")}
          tone={panel === "polls" ? "active" : "plain"}
          expanded={panel === "polls"}
          badge={unanswered > 0 && <span className="tool-badge tabular" data-count={unanswered} />}
          onClick={() => ui.togglePanel("polls")}
        />
      )}
      {(rooms || panel === "breakout") && (
        <ToolButton
          icon={Split}
          label={help === 0 ? t("breakout.title") : `${t("breakout.title")}, ${calls}`}
          caption={t("breakout.short")}
          tone={panel === "breakout" ? "active" : "plain"}
          expanded={panel === "breakout"}
          badge={help > 0 && <span className="tool-badge tabular" data-count={help} />}
          onClick={() => ui.togglePanel("breakout")}
        />
      )}
    </>
  );
}
