import "./breakout.css";
import { LifeBuoy, Split, Undo2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { useNow } from "../../kit/use-now";
import { useSelected } from "../../kit/use-store";
import { together } from "../../session/together";
import { refusalText } from "../../session/refusal-text";
import { useMe, useRoomState, useVisit } from "../visit/context";
import { useGoTo } from "./use-go-to";

/** Inside a breakout room: where one is, the way back, and a call for help. */
export function BreakoutBanner() {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const panel = useSelected(ui, (now) => now.panel);
  const goTo = useGoTo();
  const room = useRoomState();
  const isHost = useMe()?.isAdmin ?? false;
  const [asked, setAsked] = useState(false);
  const { parent = null, closesAt = null } = room?.activities.breakout ?? {};
  if (parent === null) return null;
  const help = async () => {
    const { ok, reason } = await together(session).breakouts.help(asked);
    if (ok) {
      setAsked(!asked);
      announce(t(asked ? "breakout.helpWithdrawn" : "breakout.helpAsked"));
      return;
    }
    const text = refusalText(reason, "breakout.failed");
    session.notices.show({ group: "breakout-failed", level: "error", text });
  };
  return (
    <section className="breakout-banner" aria-label={t("breakout.inside")}>
      <p>
        {t("breakout.inside")} {closesAt !== null && <Closes at={closesAt} />}
      </p>
      {!isHost && (
        <button
          type="button"
          className="button button-plain button-small"
          aria-pressed={asked}
          onClick={() => void help()}
        >
          <LifeBuoy className="icon icon-small" aria-hidden="true" />
          {t(asked ? "breakout.helpComes" : "breakout.help")}
        </button>
      )}
      {isHost && (
        <button
          type="button"
          className="button button-plain button-small"
          aria-expanded={panel === "breakout"}
          onClick={() => ui.togglePanel("breakout")}
        >
          <Split className="icon icon-small" aria-hidden="true" />
          {t("breakout.title")}
        </button>
      )}
      <button
        type="button"
        className="button button-primary button-small"
        onClick={() => void goTo(parent)}
      >
        <Undo2 className="icon icon-small flip" aria-hidden="true" />
        {t("breakout.back")}
      </button>
    </section>
  );
}

/** How long a host's countdown still leaves. */
function Closes({ at }: { readonly at: number }) {
  const { t } = useTranslation();
  const { session } = useVisit();
  const left = Math.max(0, Math.ceil((at - useNow() - session.clockOffset()) / 1_000));
  return (
    <strong role="timer" className="tabular">
      {t("breakout.closesIn", { count: left })}
    </strong>
  );
}
