import "./reactions.css";
import { MenuItem, Popover, PopoverButton, PopoverPanel } from "@headlessui/react";
import { SmilePlus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Emoji } from "../../kit/emoji";
import { EMOJIS } from "../../session/reactions";
import { mayReact } from "../../session/rights";
import { ToolButton, ToolPicture } from "../toolbar/tool-button";
import { useMe, useRoomState, useVisit } from "../visit/context";

/** A word without words. Locked, it says why instead of opening. */
export function ReactionsButton() {
  const { t } = useTranslation();
  const { actions } = useVisit();
  const me = useMe();
  const room = useRoomState();
  if (!me || !room?.features.reactions) return null;
  const label = t("reactions.title");
  if (!mayReact(me, room).ok) {
    return <ToolButton icon={SmilePlus} label={label} refused onClick={actions.reactions.run} />;
  }
  return (
    <Popover>
      <PopoverButton className="tool" aria-label={label} title={label}>
        <ToolPicture icon={SmilePlus} caption={label} />
      </PopoverButton>
      <PopoverPanel
        focus
        className="menu reactions-choice"
        anchor={{ to: "top", gap: 12, padding: 12 }}
        aria-label={label}
      >
        <ReactionItems />
      </PopoverPanel>
    </Popover>
  );
}

/** The same as a row of a menu. */
export function ReactionMenuItems() {
  const { t } = useTranslation();
  const { session } = useVisit();
  return (
    <div className="reactions-row" role="group" aria-label={t("reactions.title")}>
      {EMOJIS.map((emoji) => (
        <MenuItem key={emoji}>
          <button
            type="button"
            className="reaction-choice"
            aria-label={t(`reactions.names.${emoji}`)}
            onClick={() => session.react(emoji)}
          >
            <Emoji sign={emoji} />
          </button>
        </MenuItem>
      ))}
    </div>
  );
}

/** The ones there are; several in a row are welcome, so nothing closes. */
function ReactionItems() {
  const { t } = useTranslation();
  const { session } = useVisit();
  return (
    <div className="reactions-row" role="group" aria-label={t("reactions.title")}>
      {EMOJIS.map((emoji) => (
        <button
          key={emoji}
          type="button"
          className="reaction-choice"
          aria-label={t(`reactions.names.${emoji}`)}
          title={t(`reactions.names.${emoji}`)}
          onClick={() => session.react(emoji)}
        >
          <Emoji sign={emoji} />
        </button>
      ))}
    </div>
  );
}
