import { SendHorizontal } from "lucide-react";
import { useEffect, useRef, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { PHONE } from "../../kit/use-media-query";
import { useSelected } from "../../kit/use-store";
import type { ConversationId } from "../../session/chat";
import { useSession } from "../visit/context";

interface ComposerProps {
  readonly conversation: ConversationId;
  readonly placeholder: string;
}

/** Longest message one can type, in characters. */
const MAX_LENGTH = 8_000;

export function Composer({ conversation, placeholder }: ComposerProps) {
  const { t } = useTranslation();
  const { chat, write } = useSession();
  const text = useSelected(chat.drafts, (drafts) => drafts.get(conversation) ?? "");
  const setText = (next: string) => chat.draft(conversation, next);
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    // On a phone the keyboard would cover what one came to read.
    if (!window.matchMedia(PHONE).matches) box.current?.focus();
  }, []);
  const send = () => {
    if (text.trim() === "") return;
    write(conversation, text);
    setText("");
    box.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes a word, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <div className="composer">
      <textarea
        ref={box}
        className="input"
        aria-label={t("chat.message")}
        placeholder={placeholder}
        value={text}
        rows={1}
        dir="auto"
        maxLength={MAX_LENGTH}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <button
        type="button"
        className="button button-primary composer-send"
        aria-label={t("chat.send")}
        title={t("chat.send")}
        aria-disabled={text.trim() === ""}
        onClick={send}
      >
        <SendHorizontal className="icon flip" aria-hidden="true" />
      </button>
    </div>
  );
}
