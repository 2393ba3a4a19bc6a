import { Plus, Trash2 } from "lucide-react";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { AskForm } from "../../kit/ask-form";
import { CheckField } from "../../kit/field";
import { IconButton } from "../../kit/icon-button";
import { useStore } from "../../kit/use-store";
import type { Draft } from "../../session/together/draft";
import type { Polls } from "../../session/together/polls";
import { MAX_OPTION, MAX_OPTIONS, MAX_QUESTION, type NewPoll } from "../../wire/activities";
import { useRefusal } from "../notices/use-refusal";

interface PollFormProps {
  readonly polls: Polls;
  readonly form: Draft<NewPoll>;
  /** What is in it. */
  readonly draft: NewPoll;
}

const LEAST = 2;
const SWITCHES = ["multiple", "anonymous", "live"] as const;

export function PollForm({ polls, form, draft }: PollFormProps) {
  const { t } = useTranslation();
  const id = useId();
  const refusal = useRefusal();
  const { sending, problem } = useStore(form);
  const { question, options } = draft;
  const change = (part: Partial<NewPoll>) => form.write({ ...draft, ...part });
  const given = options.map((option) => option.trim()).filter((option) => option !== "");
  const set = (at: number, text: string) =>
    change({ options: options.map((option, index) => (index === at ? text : option)) });
  const ask = async () => {
    if (question.trim() === "" || given.length < LEAST) return t("polls.incomplete");
    const wish = { ...draft, question: question.trim(), options: given };
    const { ok, reason } = await polls.create(wish);
    return ok ? null : refusal(reason, "polls.failed");
  };
  return (
    <AskForm
      className="activity"
      cancel={t("polls.cancel")}
      submit={t("polls.start")}
      submitting={t("chat.sending")}
      sending={sending}
      problem={problem}
      onCancel={form.drop}
      onSubmit={() => void form.send(ask)}
    >
      <div className="field">
        <label className="field-label" htmlFor={`${id}-question`}>
          {t("polls.question")}
        </label>
        <textarea
          id={`${id}-question`}
          className="input"
          rows={2}
          dir="auto"
          maxLength={MAX_QUESTION}
          value={question}
          // The form was asked for, to begin here.
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          onChange={(event) => change({ question: event.target.value })}
        />
      </div>
      <fieldset className="activity-list">
        <legend className="field-label">{t("polls.options")}</legend>
        {options.map((option, at) => (
          // Options have no name but their place while they are written.
          // oxlint-disable-next-line react/no-array-index-key
          <div key={at} className="poll-option-row">
            <input
              className="input"
              dir="auto"
              aria-label={t("polls.option", { number: at + 1 })}
              placeholder={t("polls.option", { number: at + 1 })}
              maxLength={MAX_OPTION}
              value={option}
              onChange={(event) => set(at, event.target.value)}
            />
            {options.length > LEAST && (
              <IconButton
                icon={Trash2}
                label={t("polls.removeOption", { number: at + 1 })}
                onClick={() => change({ options: options.filter((_, index) => index !== at) })}
              />
            )}
          </div>
        ))}
        {options.length < MAX_OPTIONS && (
          <button
            type="button"
            className="button button-plain button-small"
            onClick={() => change({ options: [...options, ""] })}
          >
            <Plus className="icon icon-small" aria-hidden="true" />
            {t("polls.addOption")}
          </button>
        )}
      </fieldset>
      <div>
        {SWITCHES.map((name) => (
          <CheckField
            key={name}
            label={t(`polls.${name}`)}
            checked={draft[name]}
            onChange={(on) => change({ [name]: on })}
          />
        ))}
      </div>
    </AskForm>
  );
}
