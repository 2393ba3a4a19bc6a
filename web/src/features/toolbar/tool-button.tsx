import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

interface ToolButtonProps {
  readonly icon: LucideIcon;
  /** The full name, read out and shown on hover. Whoever speaks to their computer says the caption: it is in it. */
  readonly label: string;
  /** The word under the picture: what a press does, or for a switch how it stands. */
  readonly caption?: string;
  readonly tone?: "plain" | "alert" | "active" | "danger";
  /** Drawn on the picture; say the same in `label` or `description`. */
  readonly badge?: ReactNode;
  /** Shown on hover instead of the name, and read out after it where it says more. */
  readonly description?: string;
  readonly pressed?: boolean;
  readonly expanded?: boolean;
  /** Refused right now; pressing it says why. */
  readonly refused?: boolean;
  readonly busy?: boolean;
  readonly onClick: () => void;
}

export function ToolButton(props: ToolButtonProps) {
  const { icon, label, caption = label, tone = "plain", badge } = props;
  return (
    <button
      type="button"
      className="tool"
      data-tone={tone}
      aria-label={label}
      title={props.description ?? label}
      aria-pressed={props.pressed}
      aria-expanded={props.expanded}
      aria-disabled={props.refused || undefined}
      aria-busy={props.busy || undefined}
      onClick={props.onClick}
    >
      <ToolPicture icon={icon} caption={caption} badge={badge} />
    </button>
  );
}

/** The picture and the word under it; the button around them has a name of its own. */
export function ToolPicture({
  icon: Icon,
  caption,
  badge,
}: Pick<ToolButtonProps, "icon" | "badge"> & { readonly caption: string }) {
  return (
    <>
      <span className="tool-picture" aria-hidden="true">
        <Icon className="icon" aria-hidden="true" />
        {badge}
      </span>
      <span className="tool-caption" aria-hidden="true">
        {caption}
      </span>
    </>
  );
}
