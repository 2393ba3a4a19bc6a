import { ChevronDown } from "lucide-react";
import { useId, type ComponentProps } from "react";

/** The native list, which works with every keyboard, screen reader and phone, with our own sign for it. */
export function Select({ className, ...rest }: ComponentProps<"select">) {
  return (
    <span className="select">
      <select {...rest} className={className ? `input ${className}` : "input"} />
      <ChevronDown className="icon icon-small" aria-hidden="true" />
    </span>
  );
}

interface TextFieldProps extends Omit<ComponentProps<"input">, "id" | "className"> {
  readonly label: string;
  readonly hint?: string | undefined;
}

export function TextField({ label, hint, ...input }: TextFieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      <input
        {...input}
        id={id}
        className="input"
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      />
      {hint !== undefined && (
        <span className="field-hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

interface SelectFieldProps {
  readonly label: string;
  readonly value: string;
  readonly choices: readonly Choice[];
  readonly onChange: (value: string) => void;
  readonly disabled?: boolean;
}

/** One of several, with its name above. */
export function SelectField({
  label,
  value,
  choices,
  onChange,
  disabled = false,
}: SelectFieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      <Select
        id={id}
        value={value}
        disabled={disabled}
        onChange={(event) => onChange(event.target.value)}
      >
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </Select>
    </div>
  );
}

interface RangeFieldProps {
  readonly label: string;
  /** 0 to 1. */
  readonly value: number;
  /** The value in words. */
  readonly text: string;
  readonly onChange: (value: number) => void;
}

/** How much of something, in steps of a twentieth. */
export function RangeField({ label, value, text, onChange }: RangeFieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      <span className="range-row">
        <input
          id={id}
          className="range"
          type="range"
          min="0"
          max="100"
          step="5"
          value={Math.round(value * 100)}
          aria-valuetext={text}
          onChange={(event) => onChange(Number(event.target.value) / 100)}
        />
        <span className="tabular muted" aria-hidden="true">
          {text}
        </span>
      </span>
    </div>
  );
}

interface CheckFieldProps {
  readonly label: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}

export function CheckField({ label, checked, onChange }: CheckFieldProps) {
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
      />
      {label}
    </label>
  );
}
