import { SendHorizontal } from "lucide-react";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { IconButton } from "../../kit/icon-button";
import { refusalText } from "../../session/refusal-text";
import type { Breakouts } from "../../session/together/breakouts";
import { useSession } from "../visit/context";

const MAX_WORDS = 500;

/** A word to all rooms at once; it stands in their chats. */
export function TellRooms({ breakouts }: { readonly breakouts: Breakouts }) {
  const { t } = useTranslation();
  const { notices } = useSession();
  const [words, setWords] = useState("");
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (words.trim() === "") return;
    const { ok, reason } = await breakouts.tell(words.trim());
    if (!ok) {
      const text = refusalText(reason, "breakout.failed");
      return void notices.show({ group: "breakout-failed", level: "error", text });
    }
    setWords("");
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
        onChange={(event) => setWords(event.target.value)}
      />
      <IconButton icon={SendHorizontal} type="submit" className="flip-rtl" label={t("chat.send")} />
    </form>
  );
}
