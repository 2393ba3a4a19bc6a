import { useTranslation } from "react-i18next";
import type { ConversationId } from "../../session/chat";
import type { ParticipantId } from "../../wire/types";

interface ConversationTabsProps {
  readonly ids: readonly ConversationId[];
  readonly names: ReadonlyMap<ParticipantId, string>;
  readonly unread: ReadonlyMap<ConversationId, number>;
  readonly current: ConversationId;
  readonly onChoose: (id: ConversationId) => void;
}

/** Everyone, and each person written with. */
export function ConversationTabs({ ids, names, unread, current, onChoose }: ConversationTabsProps) {
  const { t } = useTranslation();
  return (
    <div className="conversations" role="group" aria-label={t("chat.conversations")}>
      {ids.map((id) => {
        const count = unread.get(id) ?? 0;
        const name = id === null ? t("chat.everyone") : (names.get(id) ?? id);
        return (
          <button
            key={id}
            type="button"
            className="conversation"
            aria-pressed={id === current}
            onClick={() => onChoose(id)}
          >
            {id === null ? name : <bdi>{name}</bdi>}
            {count > 0 && (
              <span className="conversation-unread tabular">
                {count}
                <span className="visually-hidden">{t("toolbar.unread", { count })}</span>
              </span>
            )}
          </button>
        );
      })}
    </div>
  );
}
