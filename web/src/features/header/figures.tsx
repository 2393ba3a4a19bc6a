import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { CopyButton } from "../../kit/copy-button";
import { bitRate, type Figures as Measured } from "../../session/figures";
import { useSession } from "../visit/context";

const EVERY_MS = 2_000;

interface Look extends Measured {
  readonly at: number;
}

/** How the line does, in numbers, measured only while somebody looks. */
export function Figures() {
  const { t } = useTranslation();
  const { media } = useSession();
  const [[before, figures], setFigures] = useState<readonly [Look | null, Look | null]>([
    null,
    null,
  ]);
  useEffect(() => {
    let gone = false;
    const measure = () =>
      void media.measure().then(
        (next) => gone || setFigures(([, last]) => [last, { ...next, at: Date.now() }]),
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
  const seconds = before && figures ? (figures.at - before.at) / 1_000 : 0;
  const rate = (which: "bytesIn" | "bytesOut") =>
    bitRate(before?.[which] ?? 0, figures?.[which] ?? 0, seconds);
  const [inward, outward] = [rate("bytesIn"), rate("bytesOut")];
  const kilobits = (bits: number) => t("view.kilobits", { value: Math.round(bits / 1_000) });
  const report = JSON.stringify(
    { roundTripMs, lossIn, lossOut, bitsIn: inward, bitsOut: outward },
    null,
    2,
  );
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
          {inward !== null && (
            <>
              <dt>{t("view.receiving")}</dt>
              <dd>{kilobits(inward)}</dd>
            </>
          )}
          {outward !== null && (
            <>
              <dt>{t("view.sending")}</dt>
              <dd>{kilobits(outward)}</dd>
            </>
          )}
        </dl>
      )}
      <CopyButton
        text={report}
        label={t("view.copyFigures")}
        doneLabel={t("invite.copied")}
        refusedLabel={t("chat.notCopied")}
        onRefused={() => undefined}
        second
      />
    </>
  );
}
