import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { announce } from "./announcer";

interface CopyButtonProps {
  readonly text: string;
  readonly label: string;
  readonly doneLabel: string;
}

const SHOWN_MS = 2_000;

export function CopyButton({ text, label, doneLabel }: CopyButtonProps) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    announce(doneLabel);
  };
  const Icon = done ? Check : Copy;
  return (
    <button type="button" className="button button-primary" onClick={() => void copy()}>
      <Icon className="icon" aria-hidden="true" />
      {done ? doneLabel : label}
    </button>
  );
}
