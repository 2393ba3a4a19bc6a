import { EyeOff, ListChecks } from "lucide-react";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { Problem } from "../../kit/problem";
import { useStore } from "../../kit/use-store";
import { together } from "../../session/together";
import type { Poll, PollResult, Vote } from "../../wire/activities";
import { useRefusal } from "../notices/use-refusal";
import { useSession } from "../visit/context";
import { PollBars } from "./poll-bars";
import { PollTools } from "./poll-tools";

interface PollCardProps {
  readonly poll: Poll;
  readonly vote: Vote | null;
  /** Counts, where they may be seen by now. */
  readonly result: PollResult | null;
  readonly isHost: boolean;
}

export function PollCard({ poll, vote, result, isHost }: PollCardProps) {
  const { t } = useTranslation();
  const id = useId();
  const total = result?.total ?? poll.responses;
  const answers = poll.running && vote?.given !== true;
  return (
    <article className="poll card-flat" aria-labelledby={id}>
      <h3 id={id} className="poll-question" dir="auto">
        {poll.question}
      </h3>
      <p className="poll-facts muted">
        <span className={poll.running ? "chip chip-running" : "chip chip-plain"}>
          {t(poll.running ? "polls.running" : "polls.closed")}
        </span>
        <span className="tabular">{t("polls.answers", { count: total })}</span>
        {poll.anonymous && (
          <span className="poll-fact">
            <EyeOff className="icon icon-small" aria-hidden="true" />
            {t("polls.isAnonymous")}
          </span>
        )}
        {poll.multiple && (
          <span className="poll-fact">
            <ListChecks className="icon icon-small" aria-hidden="true" />
            {t("polls.isMultiple")}
          </span>
        )}
      </p>
      {answers && <VoteForm poll={poll} name={id} />}
      {result && (isHost || !answers) ? (
        <PollBars poll={poll} result={result} mine={vote?.options ?? []} />
      ) : (
        !answers && <p className="muted">{t("polls.later")}</p>
      )}
      {vote?.given && poll.running && <p className="poll-voted">{t("polls.voted")}</p>}
      {isHost && <PollTools poll={poll} result={result} />}
    </article>
  );
}

function VoteForm({ poll, name }: { readonly poll: Poll; readonly name: string }) {
  const { t } = useTranslation();
  const { polls, forms } = together(useSession());
  const refusal = useRefusal();
  const draft = forms.vote(poll.id);
  const { value, sending, problem } = useStore(draft);
  const chosen = value ?? [];
  const toggle = (option: number, on: boolean) =>
    draft.write(
      poll.multiple
        ? [...chosen.filter((one) => one !== option), ...(on ? [option] : [])]
        : [option],
    );
  const ask = async () => {
    const { ok, reason } = await polls.vote(poll, chosen);
    if (!ok) return refusal(reason, "polls.failed");
    announce(t("polls.voted"));
    return null;
  };
  return (
    <fieldset className="poll-vote">
      <legend className="visually-hidden">{poll.question}</legend>
      {poll.options.map(({ id, text }) => (
        <label key={id} className="poll-choice">
          <input
            type={poll.multiple ? "checkbox" : "radio"}
            name={name}
            checked={chosen.includes(id)}
            onChange={(event) => toggle(id, event.target.checked)}
          />
          <span dir="auto">{text}</span>
        </label>
      ))}
      <Problem text={problem} />
      <button
        type="button"
        className="button button-primary button-small"
        aria-disabled={chosen.length === 0 || sending}
        onClick={() => {
          if (chosen.length > 0) void draft.send(ask);
        }}
      >
        {t(sending ? "chat.sending" : "polls.vote")}
      </button>
    </fieldset>
  );
}
