import { useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useModeration } from "./use-moderation";

/** Writing rests this long before it is sent. */
const PAUSE_MS = 800;
/** In characters. */
const MAX_LENGTH = 500;

type State = "rest" | "typing" | "saving" | "saved" | "failed";

/** What is read outside, changed while it is typed. */
export function WaitingMessage({ message }: { readonly message: string }) {
  const { t } = useTranslation();
  const id = useId();
  const { sayToWaiting } = useModeration();
  const [text, setText] = useState(message);
  const [told, setTold] = useState(message);
  const [state, setState] = useState<State>("rest");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  // Another host has written meanwhile; whoever types here goes on with their own words.
  if (message !== told) {
    setTold(message);
    if (state !== "typing" && state !== "saving") setText(message);
  }
  const save = async (words: string) => {
    clearTimeout(timer.current);
    if (words === told) return setState("rest");
    setState("saving");
    const outcome = (await sayToWaiting(words)) ? "saved" : "failed";
    // Whoever typed on meanwhile is not done.
    setState((now) => (now === "saving" ? outcome : now));
  };
  const latest = useRef(() => undefined as unknown);
  useEffect(() => {
    latest.current = () => (state === "typing" ? save(text) : undefined);
  });
  // What was typed last is not lost with the panel.
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
        value={text}
        placeholder={t("waiting.messageHint")}
        aria-describedby={`${id}-state`}
        onChange={({ target }) => {
          const { value } = target;
          setText(value);
          setState("typing");
          clearTimeout(timer.current);
          timer.current = setTimeout(() => void save(value), PAUSE_MS);
        }}
        onBlur={() => {
          if (state === "typing") void save(text);
        }}
      />
      <span className="field-hint" id={`${id}-state`}>
        {t(`waiting.state.${state}`)}
      </span>
    </div>
  );
}
