import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Figures as Measured } from "../../session/figures";
import { useSession } from "../visit/context";

const EVERY_MS = 2_000;

/** How the line does, in numbers, measured only while somebody looks. */
export function Figures() {
  const { t } = useTranslation();
  const { media } = useSession();
  const [figures, setFigures] = useState<Measured | null>(null);
  useEffect(() => {
    let gone = false;
    const measure = () =>
      void media.measure().then(
        (next) => gone || setFigures(next),
        () => undefined,
      );
    measure();
    const timer = setInterval(measure, EVERY_MS);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [media]);
  const { roundTripMs = null, lossIn = null, lossOut = null } = figures ?? {};
  const percent = (part: number) => t("view.percent", { value: Math.round(part * 1000) / 10 });
  return (
    <>
      <h2>{t("view.connection")}</h2>
      {roundTripMs === null && lossIn === null && lossOut === null ? (
        <p className="muted">{t("view.noFigures")}</p>
      ) : (
        <dl className="tabular">
          {roundTripMs !== null && (
            <>
              <dt>{t("view.roundTrip")}</dt>
              <dd>{t("view.milliseconds", { value: Math.round(roundTripMs) })}</dd>
            </>
          )}
          {lossIn !== null && (
            <>
              <dt>{t("view.lossIn")}</dt>
              <dd>{percent(lossIn)}</dd>
            </>
          )}
          {lossOut !== null && (
            <>
              <dt>{t("view.lossOut")}</dt>
              <dd>{percent(lossOut)}</dd>
            </>
          )}
        </dl>
      )}
    </>
  );
}
