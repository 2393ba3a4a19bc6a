import { Menu, MenuButton, MenuItem, MenuItems } from "@headlessui/react";
import { ChevronUp } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { MenuHeading, MenuRadio } from "../../kit/menu";
import type { DeviceKind } from "../../session/media";
import { useDeviceChoice } from "../settings/device-select";

interface DeviceMenuProps {
  readonly label: string;
  readonly kinds: readonly DeviceKind[];
  /** What else belongs there, below them. */
  readonly children?: ReactNode;
}

/** The devices behind a switch, where one looks for them. */
export function DeviceMenu({ label, kinds, children }: DeviceMenuProps) {
  return (
    <Menu>
      <MenuButton className="tool-more" aria-label={label} title={label}>
        <ChevronUp className="icon icon-small" aria-hidden="true" />
      </MenuButton>
      <MenuItems modal={false} className="menu" anchor={{ to: "top", gap: 12, padding: 12 }}>
        {kinds.map((kind) => (
          <DeviceItems key={kind} kind={kind} />
        ))}
        {children}
      </MenuItems>
    </Menu>
  );
}

function DeviceItems({ kind }: { readonly kind: DeviceKind }) {
  const { t } = useTranslation();
  const { word, value, choices, choose } = useDeviceChoice(kind);
  return (
    <>
      <MenuHeading>{word}</MenuHeading>
      {choices.length === 0 && (
        <MenuItem disabled>
          <div className="menu-item">{t("device.usual")}</div>
        </MenuItem>
      )}
      {choices.map((choice) => (
        <MenuRadio
          key={choice.value}
          label={choice.label}
          checked={choice.value === value}
          onChoose={() => void choose(choice.value)}
        />
      ))}
    </>
  );
}
