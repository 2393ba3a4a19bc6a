import type { LucideIcon } from "lucide-react";
import type { ComponentProps } from "react";

interface IconButtonProps extends Omit<ComponentProps<"button">, "aria-label" | "title"> {
  readonly icon: LucideIcon;
  /** Read by screen readers and shown on hover. */
  readonly label: string;
}

/** A button that shows only a picture but still has a name. */
export function IconButton({ icon: Icon, label, className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={className ? `icon-button ${className}` : "icon-button"}
      aria-label={label}
      title={label}
    >
      <Icon className="icon" aria-hidden="true" />
    </button>
  );
}
