import { Menu, MenuButton, MenuItem, MenuItems } from "@headlessui/react";
import { Copy, Ellipsis, Pencil, Reply, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Emoji } from "../../kit/emoji";
import { MenuAction, MenuLine } from "../../kit/menu";
import type { Entry } from "../../session/chat";
import { SIGNS } from "../../wire/chat-actions";
import type { LineActions } from "./use-line-actions";

interface LineMenuProps {
  readonly entry: Entry;
  readonly actions: LineActions;
  /** Reached with Tab; the others with the arrow keys from it. */
  readonly tabStop: boolean;
}

/** What can be done with a line, signs first. */
export function LineMenu({ entry, actions, tabStop }: LineMenuProps) {
  const { t } = useTranslation();
  const { reply, sign, edit, remove } = actions.rights(entry);
  return (
    <Menu>
      <MenuButton
        className="icon-button line-more"
        aria-label={t("chat.actions", { name: entry.fromName })}
        title={t("toolbar.more")}
        tabIndex={tabStop ? 0 : -1}
      >
        <Ellipsis className="icon icon-small" aria-hidden="true" />
      </MenuButton>
      <MenuItems modal={false} className="menu" anchor={{ to: "bottom end", gap: 4, padding: 12 }}>
        {sign && (
          <>
            <div className="sign-row" role="group" aria-label={t("chat.react")}>
              {SIGNS.map((emoji) => (
                <MenuItem key={emoji}>
                  <button
                    type="button"
                    className="sign-choice"
                    aria-label={t(`chat.sign.${emoji}`)}
                    title={t(`chat.sign.${emoji}`)}
                    onClick={() => actions.sign(entry, emoji)}
                  >
                    <Emoji sign={emoji} />
                  </button>
                </MenuItem>
              ))}
            </div>
            <MenuLine />
          </>
        )}
        {reply && (
          <MenuAction icon={Reply} label={t("chat.reply")} onClick={() => actions.reply(entry)} />
        )}
        <MenuAction icon={Copy} label={t("chat.copy")} onClick={() => actions.copy(entry)} />
        {edit && (
          <MenuAction icon={Pencil} label={t("chat.edit")} onClick={() => actions.edit(entry)} />
        )}
        {remove && (
          <MenuAction
            icon={Trash2}
            label={t("chat.delete")}
            onClick={() => actions.remove(entry)}
          />
        )}
      </MenuItems>
    </Menu>
  );
}
