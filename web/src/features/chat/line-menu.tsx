import { Menu, MenuButton, MenuItem, MenuItems } from "@headlessui/react";
import { Copy, Ellipsis, Pencil, Reply, Trash2 } from "lucide-react";
import { useLayoutEffect, useRef, useState } from "react";
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

/** How a menu was opened first: keys go on with its first item, a pointer has chosen none yet. */
type Opened = "keys" | "pointer";

/**
 * What can be done with a line. Until it is asked for there is only its button: a menu takes far longer to make than the
 * line, and few are ever opened.
 */
export function LineMenu({ entry, actions, tabStop }: LineMenuProps) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState<Opened | null>(null);
  const button = {
    className: "icon-button line-more",
    "aria-label": t("chat.actions", { name: entry.fromName }),
    title: t("toolbar.more"),
    tabIndex: tabStop ? 0 : -1,
    children: <Ellipsis className="icon icon-small" aria-hidden="true" />,
  };
  if (opened !== null) {
    return <OpenedMenu entry={entry} actions={actions} button={button} opened={opened} />;
  }
  return (
    <button
      {...button}
      type="button"
      aria-haspopup="menu"
      aria-expanded={false}
      // Keys and screen readers press without a pointer.
      onClick={({ detail }) => setOpened(detail === 0 ? "keys" : "pointer")}
    />
  );
}

interface OpenedMenuProps extends Pick<LineMenuProps, "entry" | "actions"> {
  readonly button: Record<string, unknown>;
  readonly opened: Opened;
}

/** The menu itself, signs first. It opens as it is made, and stays for the next time. */
function OpenedMenu({ entry, actions, button, opened }: OpenedMenuProps) {
  const { t } = useTranslation();
  const { reply, sign, edit, remove } = actions.rights(entry);
  const own = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    // The button that was pressed has gone, and the focus with it.
    own.current?.focus({ preventScroll: true });
    // A menu of the library knows no other way to begin open.
    if (opened === "pointer") own.current?.click();
    else own.current?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  }, [opened]);
  return (
    <Menu>
      <MenuButton ref={own} {...button} />
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
