import "./host.css";
import { Ban, UserRoundCheck, UserRoundX } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Avatar } from "../../kit/avatar";
import { IconButton } from "../../kit/icon-button";
import { Switch } from "../../kit/switch";
import { useNow } from "../../kit/use-now";
import { useSelected, useStore } from "../../kit/use-store";
import { countWaiting, waitingQueue } from "../../session/people";
import type { Person } from "../../wire/types";
import { useMe, useRoomState, useSession } from "../visit/context";
import { useModeration } from "./use-moderation";
import { useWishes } from "./use-wishes";
import { WaitingMessage } from "./waiting-message";

/** How many wait, for the panel's title. */
export function WaitingCount() {
  const { people } = useSession();
  const count = useSelected(people, countWaiting);
  return <span className="side-panel-count tabular">{count}</span>;
}

/** Who waits outside, first come first, and what they read meanwhile. */
export function WaitingPanel() {
  const { t } = useTranslation();
  const { people } = useSession();
  const queue = waitingQueue(useStore(people));
  const { admit, remove, lobby } = useModeration();
  const [busy, setBusy] = useState(false);
  const room = useRoomState();
  const { shown, want } = useWishes<"lobby">(
    () => room?.features.waitingRoom ?? false,
    (_, on) => lobby(on),
  );
  const isHost = useMe()?.isAdmin ?? false;
  if (!room) return null;
  if (!isHost) return <p className="waiting-none muted">{t("waiting.hostsOnly")}</p>;
  const together = async (run: () => Promise<unknown>) => {
    setBusy(true);
    await run();
    setBusy(false);
  };
  const rejectAll = async () => {
    for (const person of queue) if (!(await remove(person, false))) return;
  };
  return (
    <div className="waiting">
      <div className="waiting-lobby">
        <span aria-hidden="true">{t("waiting.lobby")}</span>
        <Switch
          label={t("waiting.lobby")}
          on={shown("lobby")}
          onChange={(on) => void want("lobby", on)}
        />
      </div>
      <WaitingMessage message={room.waitingMessage} />
      {queue.length === 0 ? (
        <p className="waiting-none muted">
          {t(room.features.waitingRoom ? "waiting.none" : "waiting.off")}
        </p>
      ) : (
        <>
          <div className="waiting-all">
            <button
              type="button"
              className="button button-primary button-small"
              disabled={busy}
              onClick={() => void together(() => admit(queue.map(({ id }) => id)))}
            >
              {t("waiting.admitAll", { count: queue.length })}
            </button>
            <button
              type="button"
              className="button button-plain button-small"
              disabled={busy}
              onClick={() => void together(rejectAll)}
            >
              {t("waiting.rejectAll")}
            </button>
          </div>
          {/* A list that scrolls must be reachable with the keyboard; what is in it can be pressed. */}
          <ol className="waiting-list" aria-label={t("waiting.list")}>
            {queue.map((person, index) => (
              <WaitingRow key={person.id} person={person} place={index + 1} />
            ))}
          </ol>
        </>
      )}
    </div>
  );
}

function WaitingRow({ person, place }: { readonly person: Person; readonly place: number }) {
  const { t } = useTranslation();
  const { admit, remove } = useModeration();
  const { name } = person;
  return (
    <li className="waiting-row">
      <span className="waiting-place tabular" aria-hidden="true">
        {place}
      </span>
      <Avatar id={person.id} name={name} />
      <div className="waiting-words">
        <span className="person-name">
          <span dir="auto">{name}</span>
        </span>
        <WaitedFor since={person.waitsSince ?? person.joinedAt} />
        {person.note !== "" && (
          <p className="waiting-note" dir="auto">
            <span className="visually-hidden">{t("waiting.note")} </span>
            {person.note}
          </p>
        )}
      </div>
      <div className="waiting-tools">
        <IconButton
          icon={UserRoundCheck}
          className="waiting-admit"
          label={t("waiting.admit", { name })}
          onClick={() => void admit([person.id])}
        />
        <IconButton
          icon={UserRoundX}
          label={t("waiting.reject", { name })}
          onClick={() => void remove(person, false)}
        />
        <IconButton
          icon={Ban}
          className="waiting-block"
          label={t("waiting.block", { name })}
          onClick={() => void remove(person, true)}
        />
      </div>
    </li>
  );
}

const MINUTE_MS = 60_000;

/** How long somebody has been waiting, in whole minutes. */
function WaitedFor({ since }: { readonly since: number }) {
  const { t } = useTranslation();
  const session = useSession();
  const minutes = Math.floor((useNow() + session.clockOffset() - since) / MINUTE_MS);
  if (since === 0) return null;
  return (
    <span className="person-role tabular">
      {minutes < 1 ? t("waiting.justNow") : t("waiting.for", { count: minutes })}
    </span>
  );
}
