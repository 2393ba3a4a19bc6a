import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

interface ToolButtonProps {
  readonly icon: LucideIcon;
  /** The full name, read out and shown on hover. */
  readonly label: string;
  /** The word under the picture; part of the label's meaning, never more. */
  readonly caption?: string;
  readonly tone?: "plain" | "alert" | "active" | "danger";
  readonly badge?: ReactNode;
  readonly pressed?: boolean;
  readonly expanded?: boolean;
  /** Refused right now; pressing it says why. */
  readonly refused?: boolean;
  readonly busy?: boolean;
  readonly onClick: () => void;
}

export function ToolButton(props: ToolButtonProps) {
  const { icon: Icon, label, caption = label, tone = "plain", badge } = props;
  return (
    <button
      type="button"
      className="tool"
      data-tone={tone}
      aria-label={label}
      title={label}
      aria-pressed={props.pressed}
      aria-expanded={props.expanded}
      aria-disabled={props.refused || undefined}
      aria-busy={props.busy || undefined}
      onClick={props.onClick}
    >
      <span className="tool-picture">
        <Icon className="icon" aria-hidden="true" />
        {badge}
      </span>
      <span className="tool-caption" aria-hidden="true">
        {caption}
      </span>
    </button>
  );
}
