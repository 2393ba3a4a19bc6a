import { SendHorizontal } from "lucide-react";
import type { FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { IconButton } from "../../kit/icon-button";
import { useStore } from "../../kit/use-store";
import { refusalText } from "../../session/refusal-text";
import type { Store } from "../../session/store";
import type { Breakouts } from "../../session/together/breakouts";
import { useSession } from "../visit/context";

const MAX_WORDS = 500;

interface TellRoomsProps {
  readonly breakouts: Breakouts;
  /** What is typed and not told yet. */
  readonly draft: Store<string>;
}

/** A word to all rooms at once; it stands in their chats. */
export function TellRooms({ breakouts, draft }: TellRoomsProps) {
  const { t } = useTranslation();
  const { notices } = useSession();
  const words = useStore(draft);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (words.trim() === "") return;
    const { ok, reason } = await breakouts.tell(words.trim());
    if (!ok) {
      const text = refusalText(reason, "breakout.failed");
      return void notices.show({ group: "breakout-failed", level: "error", text });
    }
    draft.set("");
    announce(t("breakout.told"));
  };
  return (
    <form className="breakout-tell" onSubmit={(event) => void send(event)}>
      <input
        className="input"
        dir="auto"
        aria-label={t("breakout.tell")}
        placeholder={t("breakout.tell")}
        maxLength={MAX_WORDS}
        value={words}
        onChange={(event) => draft.set(event.target.value)}
      />
      <IconButton icon={SendHorizontal} type="submit" className="flip-rtl" label={t("chat.send")} />
    </form>
  );
}
