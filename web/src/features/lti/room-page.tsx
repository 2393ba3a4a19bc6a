import { CircleAlert, CircleStop, ExternalLink, Hourglass, Video } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { Modal } from "../../kit/dialog";
import { useStore } from "../../kit/use-store";
import { createActivity, type Activity, type ActivityStore } from "./activity";
import { problemOf, type LtiApi, type LtiProblem } from "./api";
import { Recordings } from "./recordings";
import type { RoomSubject } from "./subject";
import { meetingAddress, openMeeting } from "./way-in";

interface RoomPageProps {
  readonly about: RoomSubject;
  readonly api: LtiApi;
}

function useActivity(api: LtiApi): readonly [Activity, ActivityStore] {
  const [store] = useState(() => createActivity(api));
  useEffect(() => {
    void store.ask();
    return store.dispose;
  }, [store]);
  return [useStore(store), store];
}

/** A course's meeting: teachers start it, students wait for it, both come back for the recordings. */
export function RoomPage({ about, api }: RoomPageProps) {
  const { t } = useTranslation();
  const [activity, store] = useActivity(api);
  const [problem, setProblem] = useState<LtiProblem | null>(null);
  useEffect(() => {
    document.title = about.title;
  }, [about.title]);
  useEffect(() => {
    if (activity === "running") announce(t("lti.running"));
  }, [activity, t]);
  const attempt = (action: () => Promise<void>) => async () => {
    setProblem(null);
    try {
      await action();
    } catch (error) {
      setProblem(problemOf(error));
    }
    await store.ask();
  };
  const shown = activity === "expired" ? "expired" : problem;
  return (
    <>
      <section className="card front-card lti-card" aria-labelledby="lti-title">
        <p className="lti-state">
          <StateChip activity={activity} />
        </p>
        <h1 id="lti-title" dir="auto">
          {about.title}
        </h1>
        <p className="muted">
          {t(about.isAdmin ? "lti.asTeacher" : "lti.asStudent", {
            name: `\u2068${about.name}\u2069`,
          })}
        </p>
        {shown !== null && (
          <p className="problem" role="alert">
            <CircleAlert className="icon" aria-hidden="true" />
            {t(`lti.error.${shown}`)}
          </p>
        )}
        {activity !== "expired" && (
          <Actions about={about} activity={activity} api={api} attempt={attempt} />
        )}
      </section>
      {activity !== "expired" && <Recordings isAdmin={about.isAdmin} api={api} />}
    </>
  );
}

function StateChip({ activity }: { readonly activity: Activity }) {
  const { t } = useTranslation();
  switch (activity) {
    case "running":
      return (
        <span className="chip lti-running">
          <span className="lti-dot" aria-hidden="true" />
          {t("lti.running")}
        </span>
      );
    case "idle":
      return <span className="chip lti-idle">{t("lti.idle")}</span>;
    case "unreachable":
      return <span className="chip chip-attention">{t("lti.unreachable")}</span>;
    case "unknown":
    case "expired":
      return <span className="chip lti-idle">{t("lti.unknown")}</span>;
    default:
      return activity satisfies never;
  }
}

interface ActionsProps extends RoomPageProps {
  readonly activity: Activity;
  readonly attempt: (action: () => Promise<void>) => () => Promise<void>;
}

function Actions({ about, activity, api, attempt }: ActionsProps) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const [link, setLink] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const runs = activity === "running";
  const join = attempt(async () => {
    setBusy(true);
    setLink(null);
    try {
      const address = api.join().then((token) => meetingAddress(token, about.design));
      setLink(await openMeeting(address));
    } finally {
      setBusy(false);
    }
  });
  const end = attempt(async () => {
    setAsking(false);
    await api.end();
  });
  if (!about.isAdmin && !runs) return <Waiting />;
  return (
    <>
      <div className="lti-actions">
        <button
          type="button"
          className="button button-primary"
          disabled={busy || activity === "unknown"}
          onClick={() => void join()}
        >
          <Video className="icon" aria-hidden="true" />
          {t(busy ? "front.busy" : runs ? "lti.join" : "lti.start")}
        </button>
        {about.isAdmin && runs && (
          <button type="button" className="button button-plain" onClick={() => setAsking(true)}>
            <CircleStop className="icon" aria-hidden="true" />
            {t("lti.end")}
          </button>
        )}
      </div>
      {link === null ? (
        <p className="muted lti-note">{t("lti.newTab")}</p>
      ) : (
        <p className="lti-note" role="alert">
          {t("lti.blocked")}{" "}
          <a href={link} target="_blank" rel="noopener" onClick={() => setLink(null)}>
            {t("lti.open")}
            <ExternalLink className="icon icon-small" aria-hidden="true" />
          </a>
        </p>
      )}
      {asking && (
        <Modal
          title={t("lti.endTitle")}
          closeLabel={t("common.close")}
          onClose={() => setAsking(false)}
        >
          <p className="muted">{t("lti.endLead")}</p>
          <div className="dialog-actions">
            <button type="button" className="button button-plain" onClick={() => setAsking(false)}>
              {t("lti.keep")}
            </button>
            <button type="button" className="button button-danger" onClick={() => void end()}>
              {t("lti.endNow")}
            </button>
          </div>
        </Modal>
      )}
    </>
  );
}

function Waiting() {
  const { t } = useTranslation();
  return (
    <p className="lti-waiting">
      <Hourglass className="icon" aria-hidden="true" />
      <span>
        {t("lti.waiting")} <span className="muted">{t("lti.waitingLead")}</span>
      </span>
    </p>
  );
}
