import { MenuItem } from "@headlessui/react";
import { Check, type LucideIcon } from "lucide-react";
import type { ComponentProps } from "react";

interface MenuActionProps {
  readonly icon: LucideIcon;
  readonly label: string;
  readonly onClick: () => void;
}

/** Something to do. */
export function MenuAction({ icon: Icon, label, onClick }: MenuActionProps) {
  return (
    <MenuItem>
      <button type="button" className="menu-item" onClick={onClick}>
        <Icon className="icon" aria-hidden="true" />
        <span className="menu-item-label">{label}</span>
      </button>
    </MenuItem>
  );
}

interface MenuRadioProps {
  readonly label: string;
  readonly checked: boolean;
  readonly onChoose: () => void;
}

/** One of several to choose from, of which one is in use. */
export function MenuRadio({ label, checked, onChoose }: MenuRadioProps) {
  return (
    <MenuItem as={RadioRow} aria-checked={checked} onClick={onChoose}>
      <span className="menu-item-label">{label}</span>
      {checked && <Check className="icon icon-small" aria-hidden="true" />}
    </MenuItem>
  );
}

/** The menu calls all its items plain ones; this one knows better. */
function RadioRow(props: ComponentProps<"button">) {
  const { "aria-checked": checked = false, ...rest } = props;
  return (
    <button
      {...rest}
      type="button"
      role="menuitemradio"
      aria-checked={checked}
      className="menu-item"
    />
  );
}

/** Names what follows. */
export function MenuHeading({ children }: { readonly children: string }) {
  return <div className="menu-heading">{children}</div>;
}

export function MenuLine() {
  return <hr className="menu-line" />;
}
