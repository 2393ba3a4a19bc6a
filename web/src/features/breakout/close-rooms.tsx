import { useTranslation } from "react-i18next";
import { useSelected } from "../../kit/use-store";
import type { Breakouts } from "../../session/together/breakouts";
import { useNow } from "./use-now";

/** Everybody back: now, or after a minute in which all can say goodbye. */
export function CloseRooms({ breakouts }: { readonly breakouts: Breakouts }) {
  const { t } = useTranslation();
  const closingAt = useSelected(breakouts, (now) => now.closingAt);
  if (closingAt !== null) return <Countdown until={closingAt} breakouts={breakouts} />;
  return (
    <div className="activity-actions">
      <button
        type="button"
        className="button button-plain"
        onClick={() => breakouts.endSoon(t("breakout.closingSoon"))}
      >
        {t("breakout.endSoon")}
      </button>
      <button
        type="button"
        className="button button-danger"
        onClick={() => void breakouts.endAll()}
      >
        {t("breakout.endAll")}
      </button>
    </div>
  );
}

interface CountdownProps {
  readonly until: number;
  readonly breakouts: Breakouts;
}

function Countdown({ until, breakouts }: CountdownProps) {
  const { t } = useTranslation();
  const left = Math.max(0, Math.ceil((until - useNow()) / 1_000));
  return (
    <div className="card-flat breakout-countdown">
      <p role="timer" className="tabular">
        {t("breakout.closingIn", { count: left })}
      </p>
      <div className="activity-actions">
        <button type="button" className="button button-plain" onClick={breakouts.keepOpen}>
          {t("breakout.keepOpen")}
        </button>
        <button
          type="button"
          className="button button-danger"
          onClick={() => void breakouts.endAll()}
        >
          {t("breakout.endAll")}
        </button>
      </div>
    </div>
  );
}
