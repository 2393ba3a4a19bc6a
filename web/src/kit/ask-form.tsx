import { useState, type FormEvent, type ReactNode } from "react";
import { Problem } from "./problem";

interface AskFormProps {
  readonly className: string;
  /** What stands on the two buttons. */
  readonly cancel: string;
  readonly submit: string;
  readonly onCancel: () => void;
  /** Asks for what the form says; what is wrong, or `null` once it is done. */
  readonly ask: () => Promise<string | null>;
  readonly children: ReactNode;
}

/** A form that asks the server for something: busy while it does, and open with the reason when it was refused. */
export function AskForm({ className, cancel, submit, onCancel, ask, children }: AskFormProps) {
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const onSubmit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(await ask());
    setBusy(false);
  };
  return (
    <form className={className} onSubmit={(event) => void onSubmit(event)}>
      {children}
      <Problem text={problem} />
      <div className="activity-actions">
        <button type="button" className="button button-plain" onClick={onCancel}>
          {cancel}
        </button>
        <button type="submit" className="button button-primary" disabled={busy}>
          {submit}
        </button>
      </div>
    </form>
  );
}
