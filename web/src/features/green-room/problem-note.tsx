import { CircleAlert, LockKeyhole } from "lucide-react";
import { useTranslation } from "react-i18next";
import { browserOf } from "../../kit/browser";
import type { DeviceProblem } from "../../session/devices";

interface DeviceProblemNoteProps {
  readonly device: "microphone" | "camera";
  readonly problem: DeviceProblem;
  readonly onRetry: () => void;
}

export function DeviceProblemNote({ device, problem, onRetry }: DeviceProblemNoteProps) {
  const { t } = useTranslation();
  return (
    <div className="problem green-problem" role="alert">
      <CircleAlert className="icon" aria-hidden="true" />
      <div>
        <p>{t(`green.problem.${problem}`, { device: t(`device.${device}Word`) })}</p>
        {problem === "denied" && (
          <>
            <p className="muted">{t(`green.problem.how${browserOf(navigator.userAgent)}`)}</p>
            <div className="address-bar" aria-hidden="true" dir="ltr">
              <span className="address-bar-spot">
                <LockKeyhole className="icon icon-small" />
              </span>
              <span>{window.location.host}</span>
            </div>
          </>
        )}
      </div>
      <button type="button" className="button button-plain" onClick={onRetry}>
        {t("green.problem.retry")}
      </button>
    </div>
  );
}
