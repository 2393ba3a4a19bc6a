import { SendHorizontal } from "lucide-react";
import type { FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { IconButton } from "../../kit/icon-button";
import { Problem } from "../../kit/problem";
import { useStore } from "../../kit/use-store";
import type { Breakouts } from "../../session/together/breakouts";
import type { Draft } from "../../session/together/draft";
import { useRefusal } from "../notices/use-refusal";

const MAX_WORDS = 500;

interface TellRoomsProps {
  readonly breakouts: Breakouts;
  /** What is typed and not told yet. */
  readonly draft: Draft<string>;
}

/** A word to all rooms at once; it stands in their chats. */
export function TellRooms({ breakouts, draft }: TellRoomsProps) {
  const { t } = useTranslation();
  const refusal = useRefusal();
  const { value, sending, problem } = useStore(draft);
  const words = value ?? "";
  const ask = async () => {
    const { ok, reason } = await breakouts.tell(words.trim());
    if (!ok) return refusal(reason, "breakout.failed");
    announce(t("breakout.told"));
    return null;
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (words.trim() !== "") void draft.send(ask);
  };
  return (
    <>
      <Problem text={problem} />
      <form className="breakout-tell" onSubmit={onSubmit}>
        <input
          className="input"
          dir="auto"
          aria-label={t("breakout.tell")}
          placeholder={t("breakout.tell")}
          maxLength={MAX_WORDS}
          value={words}
          onChange={(event) => draft.write(event.target.value)}
        />
        <IconButton
          icon={SendHorizontal}
          type="submit"
          className="flip-rtl"
          label={t(sending ? "chat.sending" : "chat.send")}
          aria-disabled={sending}
        />
      </form>
    </>
  );
}
