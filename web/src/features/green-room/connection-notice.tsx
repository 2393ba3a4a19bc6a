import "./connection-notice.css";
import { ChevronDown, CircleCheck, LoaderCircle, TriangleAlert, WifiOff } from "lucide-react";
import { useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { CopyButton } from "../../kit/copy-button";
import { useStore } from "../../kit/use-store";
import {
  createConnectionCheck,
  isTrouble,
  verdictOf,
  wishes,
  type ConnectionCheck,
  type Findings,
  type Verdict,
} from "../../session/connection-check";
import { tryWay } from "../../session/try-way";
import { useSession } from "../visit/context";
import { ConnectionFigures } from "./connection-figures";
import { reportOf } from "./connection-report";
import { usePermissionStates } from "./use-permission-states";

/**
 * Looks by itself what gets through: a few packets, while somebody looks at themselves. How much gets through is measured
 * when they ask for the details.
 */
export default function ConnectionNotice() {
  const session = useSession();
  const [check] = useState(() =>
    createConnectionCheck({
      session,
      tryWay: typeof RTCPeerConnection === "undefined" ? undefined : tryWay,
      now: () => performance.now(),
    }),
  );
  useEffect(() => {
    check.start();
    return check.dispose;
  }, [check]);
  return <Notice check={check} />;
}

const ICONS = {
  checking: LoaderCircle,
  offline: WifiOff,
  blocked: WifiOff,
  off: TriangleAlert,
  slow: TriangleAlert,
  unknown: CircleCheck,
  direct: CircleCheck,
  tcp: CircleCheck,
  relay: CircleCheck,
} as const satisfies Record<Verdict, unknown>;

function Notice({ check }: { readonly check: ConnectionCheck }) {
  const { t } = useTranslation();
  const findings = useStore(check);
  const verdict = verdictOf(findings);
  const [open, setOpen] = useState(false);
  const id = useId();
  const trouble = isTrouble(verdict);
  const state = t(`connection.state.${verdict}`);
  useEffect(() => {
    if (trouble) announce(`${t("connection.title")}: ${state}`);
  }, [trouble, state, t]);
  // Only once it is known whether anything gets through: what measures would be in the way of what tries.
  const settled = findings.reachable === true && !findings.trying;
  useEffect(() => {
    if (open && settled) check.measure();
  }, [open, settled, check]);
  const Icon = ICONS[verdict];
  return (
    <section className="line-check" aria-label={t("connection.title")} data-trouble={trouble}>
      <button
        type="button"
        className="line-check-line"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <Icon
          className={`icon icon-small ${verdict === "checking" ? "line-check-turns" : ""}`}
          aria-hidden="true"
        />
        <span>{t("connection.title")}</span>
        <span className="line-check-state">{state}</span>
        <ChevronDown className="icon icon-small line-check-chevron" aria-hidden="true" />
      </button>
      {trouble && <Advice verdict={verdict} findings={findings} />}
      <div id={id} className="line-check-details" hidden={!open}>
        {open && <Details check={check} findings={findings} verdict={verdict} />}
      </div>
    </section>
  );
}

/** What to do about it, in plain words. */
function Advice({ verdict, findings }: DetailsProps) {
  const { t } = useTranslation();
  const { udp, tcp } = wishes(findings.trials);
  const asks = verdict === "blocked" || verdict === "tcp" || verdict === "relay";
  if (verdict === "checking" || verdict === "direct" || verdict === "unknown") return null;
  return (
    <p className="line-check-advice">
      {t(`connection.advice.${verdict}`)}
      {udp !== null && asks && ` ${t("connection.ask.udp", { address: udp })}`}
      {tcp !== null && verdict === "blocked" && ` ${t("connection.ask.tcp", { address: tcp })}`}
    </p>
  );
}

interface DetailsProps {
  readonly findings: Findings;
  readonly verdict: Verdict;
}

function Details(props: DetailsProps & { readonly check: ConnectionCheck }) {
  const { check, findings, verdict } = props;
  const { t } = useTranslation();
  const permissions = usePermissionStates();
  const report = reportOf({ findings, verdict, permissions });
  const [refused, setRefused] = useState(false);
  const busy = findings.trying || findings.measuring;
  return (
    <>
      {!isTrouble(verdict) && <Advice verdict={verdict} findings={findings} />}
      <ConnectionFigures findings={findings} verdict={verdict} permissions={permissions} />
      {refused && (
        <textarea
          className="input line-check-report"
          readOnly
          rows={6}
          dir="ltr"
          aria-label={t("connection.report")}
          value={report}
          ref={(field) => field?.select()}
        />
      )}
      <div className="line-check-buttons">
        <button
          type="button"
          className="button button-second button-small"
          disabled={busy}
          onClick={() => check.start()}
        >
          {t("connection.again")}
        </button>
        <CopyButton
          text={report}
          label={t("connection.copy")}
          doneLabel={t("connection.copied")}
          refusedLabel={t("connection.notCopied")}
          onRefused={() => setRefused(true)}
          second
        />
      </div>
    </>
  );
}
