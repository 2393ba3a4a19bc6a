import { useTranslation } from "react-i18next";
import type { Findings, Verdict } from "../../session/connection-check";
import type { Permission } from "../../session/devices";
import type { Permissions } from "./use-permission-states";

interface ConnectionFiguresProps {
  readonly findings: Findings;
  readonly verdict: Verdict;
  readonly permissions: Permissions | null;
}

/** More than this is more than any meeting needs, and more than is measured well in a moment. */
const PLENTY_MBITS = 20;

/** Everything that was found, line by line. */
export function ConnectionFigures({ findings, verdict, permissions }: ConnectionFiguresProps) {
  const { t, i18n } = useTranslation();
  const { reachable, roundTripMs, rates, measuring } = findings;
  const rate = (bits: number | undefined) => {
    if (bits === undefined) return t(measuring ? "connection.measuring" : "connection.notMeasured");
    const megabits = bits / 1_000_000;
    const isPlenty = megabits >= PLENTY_MBITS;
    const shown = new Intl.NumberFormat(i18n.language, {
      maximumSignificantDigits: 2,
      numberingSystem: "latn",
    }).format(isPlenty ? PLENTY_MBITS : megabits);
    return t(isPlenty ? "connection.moreThan" : "connection.about", { value: shown });
  };
  const permission = (state: Permission | undefined) =>
    state === undefined ? "…" : t(`connection.permission.${state}`);
  const rows = [
    [
      "messages",
      reachable === null
        ? t("connection.state.checking")
        : reachable
          ? t("connection.reached", { value: Math.max(1, Math.round(roundTripMs ?? 0)) })
          : t("connection.notReached"),
    ],
    ["media", t(`connection.media.${mediaOf(findings, verdict)}`)],
    ["down", rate(rates?.down)],
    ["up", rate(rates?.up)],
    ["microphone", permission(permissions?.microphone)],
    ["camera", permission(permissions?.camera)],
  ] as const;
  return (
    <dl className="line-check-figures tabular">
      {rows.map(([name, text]) => (
        <div key={name}>
          <dt>{t(`connection.row.${name}`)}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

/** How sound and picture would travel, whatever else is to be said of the line. */
function mediaOf({ trials, trying, untried }: Findings, verdict: Verdict) {
  if (untried !== null) return "off" as const;
  const best = (["udp", "tcp", "relay"] as const).find((means) =>
    trials.some((trial) => trial.means === means && trial.ok),
  );
  if (best !== undefined && (best === "udp" || !trying)) return best;
  if (trying && verdict !== "offline") return "checking" as const;
  return trials.length === 0 ? ("unknown" as const) : ("blocked" as const);
}
