import { Paperclip, Pencil, Reply, SendHorizontal, X } from "lucide-react";
import { useEffect, useRef, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../kit/icon-button";
import { PHONE } from "../../kit/use-media-query";
import { useSelected } from "../../kit/use-store";
import type { ConversationId, Entry, Intent } from "../../session/chat";
import { together } from "../../session/together";
import { useSession } from "../visit/context";
import { editable } from "./editable";
import type { Files } from "./use-files";
import { wordsOf } from "./words";

interface ComposerProps {
  readonly conversation: ConversationId;
  readonly placeholder: string;
  readonly intent: Intent | null;
  readonly onIntent: (intent: Intent | null) => void;
  readonly files: Files;
  /** What Up edits in an empty box. */
  readonly lastEditable: Entry | null;
}

/** Longest message one can type, in characters. */
const MAX_LENGTH = 8_000;

const MOST_ROWS = 6;

export function Composer(props: ComposerProps) {
  const { conversation, placeholder, intent, onIntent, files, lastEditable } = props;
  const { t } = useTranslation();
  const session = useSession();
  const { chat } = session;
  const actions = together(session).chat;
  const draft = useSelected(chat.drafts, (drafts) => drafts.get(conversation) ?? "");
  const editing = intent?.kind === "edit" ? intent : null;
  const text = editing?.text ?? draft;
  const setText = (next: string) =>
    editing ? onIntent({ ...editing, text: next }) : chat.draft(conversation, next);
  const box = useRef<HTMLTextAreaElement>(null);
  const arriving = useRef(true);
  const about = intent && `${intent.kind} ${intent.entry.id}`;
  useEffect(() => {
    const asked = about !== null && !arriving.current;
    arriving.current = false;
    // On a phone the keyboard would cover what one came to read.
    if (asked || !window.matchMedia(PHONE).matches) box.current?.focus();
  }, [about]);
  const send = () => {
    if (text.trim() === "") return;
    if (editing) actions.edit(editing.entry, text);
    else {
      session.write(conversation, text, intent?.entry.id);
      chat.draft(conversation, "");
    }
    onIntent(null);
    box.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes a word, its keys belong to it.
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape" && intent) onIntent(null);
    else if (event.key === "ArrowUp" && text === "" && !intent && lastEditable) {
      onIntent({ kind: "edit", entry: lastEditable, text: editable(lastEditable.html) });
    } else if (event.key === "Enter" && !event.shiftKey) send();
    else return;
    event.preventDefault();
  };
  const sendLabel = t(editing ? "chat.save" : "chat.send");
  return (
    <div className="composer-frame">
      {intent && <IntentLine intent={intent} onCancel={() => onIntent(null)} />}
      <div className="composer">
        {files.allowed && !editing && <AttachButton files={files} />}
        <textarea
          ref={box}
          className="input"
          aria-label={t("chat.message")}
          placeholder={placeholder}
          value={text}
          // Grows by itself where the browser can do that.
          rows={Math.min(MOST_ROWS, text.split("\n").length)}
          dir="auto"
          maxLength={MAX_LENGTH}
          onChange={(event) => {
            setText(event.target.value);
            if (event.target.value !== "") actions.write(conversation);
          }}
          onKeyDown={onKeyDown}
        />
        <button
          type="button"
          className="button button-primary composer-send"
          aria-label={sendLabel}
          title={sendLabel}
          aria-disabled={text.trim() === ""}
          onClick={send}
        >
          <SendHorizontal className="icon flip" aria-hidden="true" />
        </button>
      </div>
    </div>
  );
}

/** What the next message is about, with a way to forget it. */
function IntentLine({ intent, onCancel }: { intent: Intent; onCancel: () => void }) {
  const { t } = useTranslation();
  const { kind, entry } = intent;
  const Icon = kind === "edit" ? Pencil : Reply;
  return (
    <div className="composer-intent">
      <Icon className="icon icon-small flip" aria-hidden="true" />
      <span className="composer-intent-words">
        <strong>
          {kind === "edit" ? t("chat.editing") : t("chat.replyingTo", { name: entry.fromName })}
        </strong>{" "}
        <span dir="auto">{wordsOf(entry)}</span>
      </span>
      <IconButton icon={X} label={t("chat.forget")} onClick={onCancel} />
    </div>
  );
}

function AttachButton({ files }: { readonly files: Files }) {
  const { t } = useTranslation();
  const picker = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton
        icon={Paperclip}
        className="composer-attach"
        label={t("files.attach")}
        onClick={() => picker.current?.click()}
      />
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        accept={files.accept}
        data-testid="chat-files"
        onChange={(event) => {
          files.add([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
    </>
  );
}
