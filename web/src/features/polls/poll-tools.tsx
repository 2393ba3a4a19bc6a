import { Download, ListTree, Megaphone, Square } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { useStore } from "../../kit/use-store";
import { refusalText } from "../../session/refusal-text";
import { together } from "../../session/together";
import { Refused, type Poll, type PollResult, type Respondent } from "../../wire/activities";
import { useSession } from "../visit/context";
import { resultText } from "./results";
import { useSaveCsv } from "./use-save-csv";

interface PollToolsProps {
  readonly poll: Poll;
  readonly result: PollResult | null;
}

/** What hosts do with a poll. */
export function PollTools({ poll, result }: PollToolsProps) {
  const { t } = useTranslation();
  const session = useSession();
  const { polls } = together(session);
  const [details, setDetails] = useState<readonly Respondent[] | null>(null);
  const failed = (reason = "") => {
    const text = refusalText(reason, "polls.failed");
    session.notices.show({ group: "poll-failed", level: "error", text });
  };
  const close = async () => {
    const { ok, reason } = await polls.close(poll);
    if (!ok) failed(reason);
  };
  const publish = () => {
    if (!result) return;
    session.write(
      null,
      resultText(poll, result, `*${t("polls.resultOf", { question: poll.question })}*`),
    );
    announce(t("polls.published"));
  };
  const load = () =>
    polls
      .details(poll)
      .catch((error: unknown) => (failed(error instanceof Refused ? error.message : ""), null));
  const saveCsv = useSaveCsv();
  return (
    <div className="activity-tools">
      {poll.running ? (
        <Tool icon={Square} label={t("polls.close")} onClick={() => void close()} />
      ) : (
        <Tool icon={Megaphone} label={t("polls.publish")} onClick={publish} />
      )}
      {!poll.anonymous && (
        <Tool
          icon={ListTree}
          label={t("polls.details")}
          expanded={details !== null}
          onClick={() => (details ? setDetails(null) : void load().then(setDetails))}
        />
      )}
      <Tool icon={Download} label={t("polls.csv")} onClick={() => void saveCsv(poll)} />
      {details && <PollDetails poll={poll} details={details} />}
    </div>
  );
}

interface ToolProps {
  readonly icon: typeof Square;
  readonly label: string;
  readonly expanded?: boolean;
  readonly onClick: () => void;
}

function Tool({ icon: Icon, label, expanded, onClick }: ToolProps) {
  return (
    <button
      type="button"
      className="button button-plain button-small"
      aria-expanded={expanded}
      onClick={onClick}
    >
      <Icon className="icon icon-small" aria-hidden="true" />
      {label}
    </button>
  );
}

/** Who chose what, and who is here and has said nothing. */
function PollDetails({
  poll,
  details,
}: {
  readonly poll: Poll;
  readonly details: readonly Respondent[];
}) {
  const { t } = useTranslation();
  const people = useStore(useSession().people);
  const answered = new Set<string>(details.map(({ id }) => id));
  const silent = [...people.values()].filter(({ id, waiting }) => !waiting && !answered.has(id));
  return (
    <dl className="poll-details">
      {poll.options.map(({ id, text }) => {
        const who = details.filter(({ option }) => option === id).map(({ name }) => name);
        return (
          <div key={id}>
            <dt dir="auto">{text}</dt>
            <dd dir="auto">{who.length === 0 ? t("polls.nobody") : who.join(", ")}</dd>
          </div>
        );
      })}
      <div>
        <dt>{t("polls.noAnswer")}</dt>
        <dd dir="auto">
          {silent.length === 0 ? t("polls.nobody") : silent.map(({ name }) => name).join(", ")}
        </dd>
      </div>
    </dl>
  );
}
