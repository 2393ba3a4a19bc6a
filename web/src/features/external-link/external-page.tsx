import "./external-link.css";
import { ExternalLink as ExternalSign, Globe } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSelected } from "../../kit/use-store";
import type { ExternalLink } from "../../wire/types";
import { useModeration } from "../host";
import { useMe, useSession } from "../visit/context";

/**
 * Its own scripts, storage and forms; no way to the page around it, no window that is not asked for, and no
 * device. It never comes from our own host, where these would add up to everything.
 */
const SANDBOX = "allow-scripts allow-same-origin allow-forms allow-popups";

/** Somebody else's page on the stage. It is loaded when this person says so: it learns their address then. */
export function ExternalPage({ link }: { readonly link: ExternalLink }) {
  const { t } = useTranslation();
  const { people } = useSession();
  const [agreed, setAgreed] = useState<string | null>(null);
  const { hideLink } = useModeration();
  const me = useMe();
  const name = useSelected(people, (all) =>
    link.sharedBy === null ? undefined : all.get(link.sharedBy)?.name,
  );
  const { host, origin } = new URL(link.url);
  const own = origin === window.location.origin || host === window.location.host;
  return (
    <section className="external-page" aria-label={t("link.page", { host })}>
      {agreed === link.url && !own ? (
        <iframe
          className="external-frame"
          title={t("link.page", { host })}
          src={link.url}
          sandbox={SANDBOX}
          allow="fullscreen"
          referrerPolicy="no-referrer"
        />
      ) : (
        <div className="external-ask">
          <Globe className="icon" aria-hidden="true" />
          <h2>
            {name === undefined ? t("link.shown", { host }) : t("link.shownBy", { name, host })}
          </h2>
          <p className="muted">{t(own ? "link.ownPage" : "link.consent")}</p>
          {!own && (
            <button
              type="button"
              className="button button-primary"
              onClick={() => setAgreed(link.url)}
            >
              {t("link.load")}
            </button>
          )}
        </div>
      )}
      <div className="external-bar">
        <bdi className="external-host">{host}</bdi>
        <a href={link.url} target="_blank" rel="noopener noreferrer">
          <ExternalSign className="icon icon-small" aria-hidden="true" />
          {t("link.newTab")}
        </a>
        {me?.isAdmin && (
          <button
            type="button"
            className="button button-plain button-small"
            onClick={() => void hideLink()}
          >
            {t("link.hide")}
          </button>
        )}
      </div>
    </section>
  );
}
