import { useTranslation } from "react-i18next";
import { useNow } from "../../kit/use-now";
import { useSelected } from "../../kit/use-store";
import { closingAt, type Breakouts } from "../../session/together/breakouts";
import { useSession } from "../visit/context";
import { useFailure } from "./use-failure";

/** Everybody back: now, or after a minute in which all can say goodbye. */
export function CloseRooms({ breakouts }: { readonly breakouts: Breakouts }) {
  const { t } = useTranslation();
  const orSay = useFailure();
  const until = useSelected(breakouts, closingAt);
  return (
    <div className={until === null ? "" : "card-flat breakout-countdown"}>
      {until !== null && <Countdown until={until} />}
      <div className="activity-actions">
        <button
          type="button"
          className="button button-plain"
          onClick={() => orSay(until === null ? breakouts.endSoon() : breakouts.keepOpen())}
        >
          {t(until === null ? "breakout.endSoon" : "breakout.keepOpen")}
        </button>
        <button
          type="button"
          className="button button-danger"
          onClick={() => orSay(breakouts.endAll())}
        >
          {t("breakout.endAll")}
        </button>
      </div>
    </div>
  );
}

/** `until` is told by the server's clock. */
function Countdown({ until }: { readonly until: number }) {
  const { t } = useTranslation();
  const session = useSession();
  const left = Math.max(0, Math.ceil((until - useNow() - session.clockOffset()) / 1_000));
  return (
    <p role="timer" className="tabular">
      {t("breakout.closingIn", { count: left })}
    </p>
  );
}
