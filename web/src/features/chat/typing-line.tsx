import { useTranslation } from "react-i18next";
import { useStore } from "../../kit/use-store";
import type { ConversationId } from "../../session/chat";
import { together } from "../../session/together";
import { useSession } from "../visit/context";

/** Who writes here right now. Its place is always kept, so that nothing jumps. */
export function TypingLine({ conversation }: { readonly conversation: ConversationId }) {
  const { t } = useTranslation();
  const session = useSession();
  const typing = useStore(together(session).chat.typing);
  const people = useStore(session.people);
  const names = [...(typing.get(conversation) ?? [])].flatMap((id) => people.get(id)?.name ?? []);
  const [first, second] = names;
  return (
    <p className="typing-line muted" aria-hidden="true">
      {first !== undefined &&
        (second === undefined
          ? t("chat.typing", { name: first })
          : names.length === 2
            ? t("chat.typingTwo", { name: first, other: second })
            : t("chat.typingMany", { count: names.length }))}
    </p>
  );
}
