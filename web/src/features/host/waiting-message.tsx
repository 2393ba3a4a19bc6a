import { useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useStore } from "../../kit/use-store";
import { together } from "../../session/together";
import { useSession } from "../visit/context";
import { useModeration } from "./use-moderation";

/** Writing rests this long before it is sent. */
const PAUSE_MS = 800;
/** In characters. */
const MAX_LENGTH = 500;

/** What is read outside, changed while it is typed. */
export function WaitingMessage({ message }: { readonly message: string }) {
  const { t } = useTranslation();
  const id = useId();
  const { sayToWaiting } = useModeration();
  const draft = together(useSession()).forms.waiting;
  // While somebody types here another host may write as well; each goes on with their own words.
  const { value, sending, problem } = useStore(draft);
  const [isSaved, setIsSaved] = useState(false);
  /** What was saved last, until the server says what is read now. */
  const [awaited, setAwaited] = useState<string | null>(null);
  const [told, setTold] = useState(message);
  if (message !== told) {
    setTold(message);
    setAwaited(null);
  }
  const current = awaited ?? message;
  /** What is to be saved once writing rests. */
  const typed = sending || problem !== null ? null : value;
  const state = sending ? "saving" : typed !== null ? "typing" : isSaved ? "saved" : "rest";
  const save = (words: string) => {
    if (words === current) return draft.drop();
    return draft.send(async () => {
      if (!(await sayToWaiting(words))) return t("waiting.state.failed");
      setIsSaved(true);
      setAwaited(words);
      return null;
    });
  };
  const latest = useRef(() => undefined as unknown);
  useEffect(() => {
    latest.current = () => (typed === null ? undefined : save(typed));
  });
  useEffect(() => {
    if (typed === null) return undefined;
    const timer = setTimeout(() => void latest.current(), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  // What was typed last is not left for when the panel is opened again.
  useEffect(() => () => void latest.current(), []);
  return (
    <div className="field waiting-message">
      <label className="field-label" htmlFor={id}>
        {t("waiting.message")}
      </label>
      <textarea
        id={id}
        className="input"
        dir="auto"
        rows={2}
        maxLength={MAX_LENGTH}
        value={value ?? current}
        placeholder={t("waiting.messageHint")}
        aria-describedby={`${id}-state`}
        onChange={({ target }) => draft.write(target.value)}
        onBlur={() => void latest.current()}
      />
      <span className="field-hint" id={`${id}-state`}>
        {problem ?? t(`waiting.state.${state}`)}
      </span>
    </div>
  );
}
