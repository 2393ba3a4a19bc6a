interface SwitchProps {
  readonly label: string;
  readonly on: boolean;
  readonly disabled?: boolean;
  /** The id of what says more about it. */
  readonly describedBy?: string;
  readonly onChange: (on: boolean) => void;
}

/** On or off, at once: what a check box is in a form. */
export function Switch({ label, on, disabled = false, describedBy, onChange }: SwitchProps) {
  return (
    <button
      type="button"
      role="switch"
      className="switch"
      aria-checked={on}
      aria-label={label}
      aria-describedby={describedBy}
      aria-disabled={disabled || undefined}
      onClick={() => {
        if (!disabled) onChange(!on);
      }}
    >
      <span className="switch-knob" aria-hidden="true" />
    </button>
  );
}
