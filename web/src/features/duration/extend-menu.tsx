import { Menu, MenuButton, MenuItems } from "@headlessui/react";
import { TimerReset } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { MenuAction } from "../../kit/menu";
import { decodeYes, extendAsk, Refused } from "../../wire/activities";
import { refusalText } from "../../session/refusal-text";
import { useSession } from "../visit/context";

const STEPS_MIN = [5, 15, 30, 60] as const;

/** The clock of a limited meeting; a host makes the meeting longer from it. */
export function ExtendMenu({ children }: { readonly children: ReactNode }) {
  const { t } = useTranslation();
  const session = useSession();
  const extend = async (minutes: number) => {
    try {
      decodeYes(await session.ask(extendAsk(minutes)));
    } catch (error) {
      const reason = error instanceof Refused ? error.message : "";
      const text = refusalText(reason, "duration.failed");
      session.notices.show({ group: "extend", level: "error", text });
    }
  };
  return (
    <Menu>
      <span className="header-extend">
        {children}
        <MenuButton
          className="icon-button"
          aria-label={t("duration.extend")}
          title={t("duration.extend")}
        >
          <TimerReset className="icon icon-small" aria-hidden="true" />
        </MenuButton>
      </span>
      <MenuItems
        modal={false}
        className="menu"
        anchor={{ to: "bottom start", gap: 8, padding: 12 }}
      >
        {STEPS_MIN.map((minutes) => (
          <MenuAction
            key={minutes}
            icon={TimerReset}
            label={t("duration.by", { count: minutes })}
            onClick={() => void extend(minutes)}
          />
        ))}
      </MenuItems>
    </Menu>
  );
}
