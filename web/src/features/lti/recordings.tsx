import { CircleAlert, Download, Film, Trash2 } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Modal } from "../../kit/dialog";
import { IconButton } from "../../kit/icon-button";
import { problemOf, type LtiApi, type LtiProblem, type Recording } from "./api";

interface RecordingsProps {
  readonly isAdmin: boolean;
  readonly api: LtiApi;
}

/** What was recorded in this room, newest first. Nothing is drawn where there is nothing. */
export function Recordings({ isAdmin, api }: RecordingsProps) {
  const { t } = useTranslation();
  const [list, setList] = useState<readonly Recording[]>([]);
  const [doomed, setDoomed] = useState<Recording | null>(null);
  const [problem, setProblem] = useState<LtiProblem | null>(null);
  const attempt = async (action: () => Promise<void>) => {
    setProblem(null);
    try {
      await action();
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  useEffect(() => {
    let gone = false;
    void api.recordings().then(
      (found) => {
        if (!gone) setList(found);
      },
      (error: unknown) => {
        if (!gone) setProblem(problemOf(error));
      },
    );
    return () => {
      gone = true;
    };
  }, [api]);
  const download = (id: string) =>
    attempt(async () => window.location.assign(await api.download(id)));
  const remove = (id: string) =>
    attempt(async () => {
      setDoomed(null);
      await api.remove(id);
      setList(await api.recordings());
    });
  if (list.length === 0 && problem === null) return null;
  return (
    <section className="card front-card lti-card" aria-labelledby="lti-recordings">
      <h2 id="lti-recordings">
        <Film className="icon" aria-hidden="true" />
        {t("lti.recordings")}
      </h2>
      {problem !== null && (
        <p className="problem" role="alert">
          <CircleAlert className="icon" aria-hidden="true" />
          {t(`lti.error.${problem}`)}
        </p>
      )}
      <ul className="lti-recordings">
        {list.map((recording) => (
          <Row
            key={recording.id}
            recording={recording}
            onDownload={() => void download(recording.id)}
            onRemove={isAdmin ? () => setDoomed(recording) : null}
          />
        ))}
      </ul>
      {doomed !== null && (
        <Modal
          title={t("lti.removeTitle")}
          closeLabel={t("common.close")}
          onClose={() => setDoomed(null)}
        >
          <p className="muted">{t("lti.removeLead")}</p>
          <div className="dialog-actions">
            <button type="button" className="button button-plain" onClick={() => setDoomed(null)}>
              {t("lti.keep")}
            </button>
            <button
              type="button"
              className="button button-danger"
              onClick={() => void remove(doomed.id)}
            >
              {t("lti.removeNow")}
            </button>
          </div>
        </Modal>
      )}
    </section>
  );
}

interface RowProps {
  readonly recording: Recording;
  readonly onDownload: () => void;
  readonly onRemove: (() => void) | null;
}

function Row({ recording, onDownload, onRemove }: RowProps) {
  const { t, i18n } = useTranslation();
  const when = new Intl.DateTimeFormat(i18n.language, { dateStyle: "medium", timeStyle: "short" });
  const size = new Intl.NumberFormat(i18n.language, {
    style: "unit",
    unit: "megabyte",
    maximumFractionDigits: 1,
  });
  const date = when.format(recording.createdAt * 1000);
  const title = recording.title || date;
  return (
    <li>
      <span className="lti-recording">
        <span className="lti-recording-title" dir="auto">
          {title}
        </span>
        <span className="muted tabular">
          {date} · {size.format(recording.megabytes)}
        </span>
      </span>
      <IconButton icon={Download} label={t("lti.download", { title })} onClick={onDownload} />
      {onRemove !== null && (
        <IconButton icon={Trash2} label={t("lti.remove", { title })} onClick={onRemove} />
      )}
    </li>
  );
}
