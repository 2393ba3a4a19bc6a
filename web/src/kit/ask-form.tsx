import type { FormEvent, ReactNode } from "react";
import { Problem } from "./problem";

interface AskFormProps {
  readonly className: string;
  /** What stands on the two buttons, and on the second while what the form says is on its way. */
  readonly cancel: string;
  readonly submit: string;
  readonly submitting: string;
  /** What the form says is on its way; that cannot be taken back. */
  readonly sending: boolean;
  /** Why it was refused. */
  readonly problem: string | null;
  readonly onCancel: () => void;
  readonly onSubmit: () => void;
  readonly children: ReactNode;
}

/** A form that asks the server for something: busy while it does, and open with the reason when it was refused. */
export function AskForm(props: AskFormProps) {
  const { className, cancel, submit, submitting, sending, problem, onCancel, onSubmit } = props;
  const onAsk = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form className={className} onSubmit={onAsk}>
      {props.children}
      <Problem text={problem} />
      <div className="activity-actions">
        <button type="button" className="button button-plain" disabled={sending} onClick={onCancel}>
          {cancel}
        </button>
        <button type="submit" className="button button-primary" disabled={sending}>
          {sending ? submitting : submit}
        </button>
      </div>
    </form>
  );
}
