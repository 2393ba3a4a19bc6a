import "./waiting-card.css";
import { useEffect, useId, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { leaveNote, MAX_NOTE } from "../../session/waiting-note";
import { useMe, useRoomState, useSession } from "../visit/context";

/** The green room goes on until a host says yes. */
export default function WaitingCard() {
  const { t } = useTranslation();
  const me = useMe();
  const { waitingMessage: message = "", queue = [] } = useRoomState() ?? {};
  const place = queue.indexOf(me?.waitsSince ?? NaN) + 1;
  const words = place === 0 ? "" : t("green.place", { place, all: queue.length });
  useEffect(() => announce(t("green.waiting")), [t]);
  useEffect(() => announce(message), [message]);
  useEffect(() => announce(words), [words]);
  return (
    <div className="waiting-card">
      <span className="spinner" aria-hidden="true" />
      <div className="waiting-card-words">
        <h2>{t("green.waitingHeading")}</h2>
        <p className="muted">{t("green.waiting")}</p>
        {words !== "" && <p className="waiting-card-place tabular">{words}</p>}
        {message !== "" && (
          <blockquote>
            <span className="field-hint">{t("green.hostSays")}</span>
            <p dir="auto">{message}</p>
          </blockquote>
        )}
        <NoteForm told={me?.note ?? ""} />
      </div>
    </div>
  );
}

/** What the hosts read beside this person's name, for as long as they wait. */
function NoteForm({ told }: { readonly told: string }) {
  const { t } = useTranslation();
  const session = useSession();
  const id = useId();
  const [text, setText] = useState(told);
  const [state, setState] = useState<"rest" | "sending" | "failed">("rest");
  const isTold = text.trim() === told;
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setState("sending");
    const sent = await leaveNote(session, text.trim());
    setState(sent ? "rest" : "failed");
    announce(t(sent ? "green.noteSent" : "green.noteFailed"));
  };
  return (
    <form className="waiting-card-note" onSubmit={(event) => void send(event)}>
      <label className="field-label" htmlFor={id}>
        {t("green.note")}
      </label>
      <textarea
        id={id}
        className="input"
        dir="auto"
        rows={2}
        maxLength={MAX_NOTE}
        placeholder={t("green.noteHint")}
        aria-describedby={`${id}-state`}
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          setState("rest");
        }}
      />
      <div className="waiting-card-send">
        <span
          className={state === "failed" ? "waiting-card-failed" : "field-hint"}
          id={`${id}-state`}
        >
          {state === "failed"
            ? t("green.noteFailed")
            : isTold && told !== ""
              ? t("green.noteSent")
              : t("green.noteFor")}
        </span>
        <button
          type="submit"
          className="button button-plain button-small"
          disabled={isTold || state === "sending"}
        >
          {t(told === "" ? "green.noteSend" : "green.noteChange")}
        </button>
      </div>
    </form>
  );
}
