import "./ended.css";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";

interface ProgressProps {
  readonly step: "checking" | "connecting" | "receiving" | "entering";
}

export function Progress({ step }: ProgressProps) {
  const { t } = useTranslation();
  const text = t(`progress.${step}`);
  useEffect(() => announce(text), [text]);
  return (
    <main className="page">
      <div className="progress">
        <span className="spinner" aria-hidden="true" />
        <p>{text}</p>
      </div>
    </main>
  );
}
