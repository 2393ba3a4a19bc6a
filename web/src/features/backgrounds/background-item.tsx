import { MenuItem } from "@headlessui/react";
import { ImageIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import { MenuAction, MenuLine } from "../../kit/menu";
import { useVisit } from "../visit/context";
import { useBackground } from "./use-background";

/** Below the cameras: what one is seen in front of. */
export function BackgroundItem() {
  const { t } = useTranslation();
  const { ui } = useVisit();
  const { offer } = useBackground();
  if (offer === "nothing") return null;
  return (
    <>
      <MenuLine />
      {offer === "choice" ? (
        <MenuAction
          icon={ImageIcon}
          label={t("toolbar.background")}
          onClick={() => ui.showDialog("background")}
        />
      ) : (
        <MenuItem disabled>
          <div className="menu-item">{t("background.unsupported")}</div>
        </MenuItem>
      )}
    </>
  );
}
