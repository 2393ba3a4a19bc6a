import "./player.css";
import { Film, Square } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { refusalText } from "../../session/refusal-text";
import { together } from "../../session/together";
import { useMe, useSession } from "../visit/context";
import { foreignHost } from "./address";
import { LeadPlayer } from "./lead-player";
import { FollowPlayer } from "./follow-player";

/** What plays for everybody. An address elsewhere is loaded when this person agrees: it learns theirs then. */
export function PlayerStage({ url }: { readonly url: string }) {
  const { t } = useTranslation();
  const session = useSession();
  const me = useMe();
  const host = foreignHost(url, window.location.origin);
  const [agreed, setAgreed] = useState(false);
  const stop = async () => {
    const { ok, reason } = await together(session).player.play(null);
    const text = refusalText(reason, "player.failed");
    if (!ok) session.notices.show({ group: "player-failed", level: "error", text });
  };
  return (
    <section className="player" aria-label={t("player.label")}>
      {host === null || agreed ? (
        me?.isPresenter ? (
          <LeadPlayer url={url} />
        ) : (
          <FollowPlayer url={url} />
        )
      ) : (
        <div className="player-ask">
          <Film className="icon" aria-hidden="true" />
          <h2>{t("player.from", { host })}</h2>
          <p className="muted">{t("player.consent")}</p>
          <button type="button" className="button button-primary" onClick={() => setAgreed(true)}>
            {t("player.load")}
          </button>
        </div>
      )}
      <div className="player-bar">
        <span className="player-bar-words">
          {t(me?.isPresenter ? "player.youLead" : "player.presenterLeads")}
        </span>
        {me?.isAdmin && (
          <button
            type="button"
            className="button button-plain button-small"
            onClick={() => void stop()}
          >
            <Square className="icon icon-small" aria-hidden="true" />
            {t("player.stop")}
          </button>
        )}
      </div>
    </section>
  );
}
