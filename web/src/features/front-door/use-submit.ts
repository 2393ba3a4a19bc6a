import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { FrontDoorError, type FrontDoorProblem } from "./api";

export interface Submit {
  readonly busy: boolean;
  /** What went wrong, in words, or `null`. */
  readonly problem: string | null;
  readonly onSubmit: (event: FormEvent) => void;
}

/** Runs a form's action once at a time and turns a failure into words. */
export function useSubmit(action: () => Promise<void>): Submit {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<FrontDoorProblem | null>(null);
  const run = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await action();
    } catch (error) {
      setProblem(error instanceof FrontDoorError ? error.code : "failed");
    } finally {
      setBusy(false);
    }
  };
  return {
    busy,
    problem: problem === null ? null : t(`front.error.${problem}`),
    onSubmit(event) {
      event.preventDefault();
      if (!busy) void run();
    },
  };
}
