import { Check } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Poll, PollResult } from "../../wire/activities";
import { percent } from "./results";

interface PollBarsProps {
  readonly poll: Poll;
  readonly result: PollResult;
  /** What this person chose. */
  readonly mine: readonly number[];
}

/** How many chose what; the number says what the bar shows. */
export function PollBars({ poll, result, mine }: PollBarsProps) {
  const { t } = useTranslation();
  return (
    <ul className="poll-bars">
      {poll.options.map(({ id, text }) => {
        const count = result.counts.get(id) ?? 0;
        const share = percent(count, result.total);
        return (
          <li key={id} className="poll-bar" data-mine={mine.includes(id)}>
            <span
              className="poll-bar-fill"
              style={{ inlineSize: `${share}%` }}
              aria-hidden="true"
            />
            <span className="poll-bar-text" dir="auto">
              {text}
              {mine.includes(id) && (
                <>
                  <Check className="icon icon-small" aria-hidden="true" />
                  <span className="visually-hidden">{t("polls.yourChoice")}</span>
                </>
              )}
            </span>
            <span className="poll-bar-count tabular">{t("polls.share", { count, share })}</span>
          </li>
        );
      })}
    </ul>
  );
}
