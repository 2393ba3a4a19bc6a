import "./ended.css";
import {
  Clock,
  DoorClosed,
  LockKeyhole,
  LogOut,
  MonitorSmartphone,
  TriangleAlert,
  UserX,
  WifiOff,
  type LucideIcon,
} from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ServerText } from "../../kit/server-text";
import { useArrival } from "../../kit/use-arrival";
import { endTone, mayRejoin, type EndCode, type EndReason } from "../../session/errors";

const ICONS: Partial<Record<EndCode, LucideIcon>> = {
  left: LogOut,
  "room-ended": DoorClosed,
  "ended-by-you": DoorClosed,
  "time-over": Clock,
  rejected: UserX,
  "room-not-active": DoorClosed,
  removed: UserX,
  blocked: UserX,
  duplicate: MonitorSmartphone,
  network: WifiOff,
  "server-silent": WifiOff,
  encrypted: LockKeyhole,
  insecure: LockKeyhole,
};

/** Time to read the reason before the page moves on to where the operator sends people. */
const REDIRECT_MS = 3_000;
/** Ends that are the normal end of a meeting; only these move on by themselves. */
const ORDERLY: ReadonlySet<EndCode> = new Set(["left", "room-ended", "ended-by-you", "time-over"]);

interface EndedPageProps {
  readonly reason: EndReason;
  readonly logoutUrl: string | null;
  readonly onRejoin: () => void;
  readonly onHome: () => void;
}

export function EndedPage({ reason, logoutUrl, onRejoin, onHome }: EndedPageProps) {
  const { t } = useTranslation();
  const heading = useArrival<HTMLHeadingElement>();
  const Icon = ICONS[reason.code] ?? TriangleAlert;
  return (
    <main className="page" id="errorPage">
      <div className="card ended">
        <Icon className="ended-icon" data-tone={endTone(reason)} aria-hidden="true" />
        <h1 ref={heading} tabIndex={-1}>
          {t(`ended.${reason.code}.title`)}
        </h1>
        <p className="muted" role="alert">
          {reason.code === "other" && reason.detail !== "" ? (
            <ServerText text={reason.detail} />
          ) : (
            t(`ended.${reason.code}.text`)
          )}
        </p>
        <div className="ended-actions">
          {mayRejoin(reason) && (
            <button type="button" className="button button-primary" onClick={onRejoin}>
              {t("ended.again")}
            </button>
          )}
          <button type="button" className="button button-plain" onClick={onHome}>
            {t("ended.home")}
          </button>
        </div>
        {logoutUrl !== null && ORDERLY.has(reason.code) && <Redirect to={logoutUrl} />}
      </div>
    </main>
  );
}

function Redirect({ to }: { readonly to: string }) {
  const { t } = useTranslation();
  const [going, setGoing] = useState(true);
  useEffect(() => {
    if (!going) return undefined;
    const timer = setTimeout(() => window.location.assign(to), REDIRECT_MS);
    return () => clearTimeout(timer);
  }, [going, to]);
  return (
    <p className="ended-redirect">
      <a href={to}>{t(going ? "ended.redirect" : "ended.continue", { host: new URL(to).host })}</a>
      {going && (
        <button type="button" className="button button-quiet" onClick={() => setGoing(false)}>
          {t("ended.stay")}
        </button>
      )}
    </p>
  );
}
