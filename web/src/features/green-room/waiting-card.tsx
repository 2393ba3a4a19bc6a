import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";

/** The green room goes on until a host says yes. */
export function WaitingCard({ message }: { readonly message: string }) {
  const { t } = useTranslation();
  useEffect(() => announce(t("green.waiting")), [t]);
  useEffect(() => announce(message), [message]);
  return (
    <div className="waiting-card">
      <span className="spinner" aria-hidden="true" />
      <div>
        <h2>{t("green.waitingHeading")}</h2>
        <p className="muted">{t("green.waiting")}</p>
        {message !== "" && (
          <blockquote>
            <span className="field-hint">{t("green.hostSays")}</span>
            <p dir="auto">{message}</p>
          </blockquote>
        )}
      </div>
    </div>
  );
}
