import { useTranslation } from "react-i18next";
import { Emoji } from "../../kit/emoji";
import { useStore } from "../../kit/use-store";
import type { Entry } from "../../session/chat";
import { SIGNS } from "../../wire/chat-actions";
import { useSession } from "../visit/context";
import type { LineActions } from "./use-line-actions";

interface SignsProps {
  readonly entry: Entry;
  readonly actions: LineActions;
}

/** Names listed before "and more". */
const MAX_NAMES = 5;

/** The signs under a line; a press puts one's own there or takes it back. */
export function Signs({ entry, actions }: SignsProps) {
  const { t } = useTranslation();
  const session = useSession();
  const people = useStore(session.people);
  const me = session.me();
  const may = actions.rights(entry).sign;
  const put = SIGNS.filter((sign) => (entry.signs?.get(sign)?.length ?? 0) > 0);
  if (put.length === 0) return null;
  return (
    <div className="signs">
      {put.map((sign) => {
        const who = entry.signs?.get(sign) ?? [];
        const names = who.map((id) => (id === me ? t("chat.you") : (people.get(id)?.name ?? id)));
        const listed = names.slice(0, MAX_NAMES).join(", ");
        return (
          <button
            key={sign}
            type="button"
            className="sign"
            aria-pressed={me !== null && who.includes(me)}
            aria-disabled={!may}
            aria-label={`${t(`chat.sign.${sign}`)}: ${who.length}. ${listed}`}
            title={names.length > MAX_NAMES ? `${listed}, …` : listed}
            onClick={() => may && actions.sign(entry, sign)}
          >
            <Emoji sign={sign} />
            <span className="tabular">{who.length}</span>
          </button>
        );
      })}
    </div>
  );
}
