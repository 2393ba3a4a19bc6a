import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { announce } from "./announcer";

interface CopyButtonProps {
  readonly text: string;
  readonly label: string;
  readonly doneLabel: string;
  /** Said when the browser refuses; `onRefused` then makes copying by hand easy. */
  readonly refusedLabel: string;
  readonly onRefused: () => void;
  /** Where there is something more important beside it. */
  readonly second?: boolean;
}

const SHOWN_MS = { done: 2_000, refused: 6_000 } as const;

type Outcome = "done" | "refused";

export function CopyButton(props: CopyButtonProps) {
  const { text, label, doneLabel, refusedLabel, onRefused, second = false } = props;
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  useEffect(() => {
    if (outcome === null) return undefined;
    const timer = setTimeout(() => setOutcome(null), SHOWN_MS[outcome]);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setOutcome("done");
      announce(doneLabel);
    } catch {
      onRefused();
      setOutcome("refused");
      announce(refusedLabel);
    }
  };
  const words = { done: doneLabel, refused: refusedLabel };
  const Icon = outcome === "done" ? Check : Copy;
  return (
    <button
      type="button"
      className={second ? "button button-second button-small" : "button button-primary"}
      onClick={() => void copy()}
    >
      <Icon className="icon" aria-hidden="true" />
      {outcome === null ? label : words[outcome]}
    </button>
  );
}
