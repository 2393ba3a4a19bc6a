import "../../kit/activity.css";
import "./polls.css";
import { Download, Plus } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useSelected, useStore } from "../../kit/use-store";
import { together } from "../../session/together";
import { EMPTY_POLL } from "../../session/together/form-drafts";
import { useMe, useSession } from "../visit/context";
import { PollCard } from "./poll-card";
import { PollForm } from "./poll-form";
import { useSaveCsv } from "./use-save-csv";

/** Ask a question, answer it, see what all said. */
export function PollsPanel() {
  const { t } = useTranslation();
  const session = useSession();
  const { polls, forms } = together(session);
  const { loaded, polls: all, votes, results } = useStore(polls);
  const saveCsv = useSaveCsv();
  const isHost = useMe()?.isAdmin ?? false;
  const draft = useSelected(forms.poll, ({ value }) => value);
  useEffect(() => polls.refresh(), [polls]);
  if (draft) {
    return <PollForm polls={polls} form={forms.poll} draft={draft} />;
  }
  return (
    <div className="activity">
      {isHost && (
        <button
          type="button"
          className="button button-primary activity-main"
          onClick={() => forms.poll.write(EMPTY_POLL)}
        >
          <Plus className="icon" aria-hidden="true" />
          {t("polls.create")}
        </button>
      )}
      {loaded && all.length === 0 && (
        <p className="activity-empty muted">{t(isHost ? "polls.emptyHost" : "polls.empty")}</p>
      )}
      <ul className="polls" aria-label={t("polls.list")}>
        {all.map((poll) => (
          <li key={poll.id}>
            <PollCard
              poll={poll}
              vote={votes.get(poll.id) ?? null}
              result={results.get(poll.id) ?? null}
              isHost={isHost}
            />
          </li>
        ))}
      </ul>
      {isHost && all.length > 1 && (
        <button
          type="button"
          className="button button-plain button-small polls-csv"
          onClick={() => void saveCsv(null)}
        >
          <Download className="icon icon-small" aria-hidden="true" />
          {t("polls.csvAll")}
        </button>
      )}
    </div>
  );
}
