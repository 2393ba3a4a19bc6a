import "./host.css";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { formatLocale } from "../../i18n";
import { Avatar } from "../../kit/avatar";
import { Modal } from "../../kit/dialog";
import { useStore } from "../../kit/use-store";
import type { BlockedPerson } from "../../session/moderation";
import { useRoomState, useVisit } from "../visit/context";
import { useModeration } from "./use-moderation";

/** Who may not come back, and the way to let them. */
export function BlockedDialog() {
  const { t } = useTranslation();
  const { ui } = useVisit();
  const { blocked, unblock } = useModeration();
  const count = useRoomState()?.blocked ?? 0;
  const [list, setList] = useState<readonly BlockedPerson[] | null>(null);
  const [failed, setFailed] = useState(false);
  // Asked again whenever their number changes: another host may be at it as well.
  useEffect(() => {
    let here = true;
    const asked = count === 0 ? Promise.resolve([]) : blocked();
    void asked.then((people) => {
      if (!here) return;
      setFailed(people === null);
      if (people) setList(people);
    });
    return () => void (here = false);
  }, [blocked, count]);
  return (
    <Modal
      title={t("blocked.title")}
      closeLabel={t("common.close")}
      onClose={() => ui.showDialog(null)}
    >
      <p className="muted">
        {failed ? t("blocked.failed") : t(list?.length === 0 ? "blocked.none" : "blocked.lead")}
      </p>
      {list && list.length > 0 && (
        <ul className="blocked-list" aria-label={t("blocked.title")}>
          {list.map((person) => (
            <BlockedRow key={person.id} person={person} onUnblock={() => unblock(person.id)} />
          ))}
        </ul>
      )}
    </Modal>
  );
}

interface BlockedRowProps {
  readonly person: BlockedPerson;
  readonly onUnblock: () => Promise<boolean>;
}

function BlockedRow({ person, onUnblock }: BlockedRowProps) {
  const { t, i18n } = useTranslation();
  const { session } = useVisit();
  const people = useStore(session.people);
  const [busy, setBusy] = useState(false);
  const { name, at, by } = person;
  const when = new Intl.DateTimeFormat(formatLocale(i18n.language), { timeStyle: "short" });
  const host = by === null ? undefined : people.get(by)?.name;
  const time = when.format(at);
  const run = async () => {
    setBusy(true);
    if (!(await onUnblock())) setBusy(false);
  };
  return (
    <li className="blocked-row">
      <Avatar id={person.id} name={name} />
      <div className="lock-words">
        <span className="person-name" dir="auto">
          {name}
        </span>
        <span className="lock-detail">
          {host === undefined
            ? t("blocked.when", { time })
            : t("blocked.whenBy", { time, name: host })}
        </span>
      </div>
      <button
        type="button"
        className="button button-plain button-small"
        aria-label={t("blocked.unblockOf", { name })}
        disabled={busy}
        onClick={() => void run()}
      >
        {t("blocked.unblock")}
      </button>
    </li>
  );
}
