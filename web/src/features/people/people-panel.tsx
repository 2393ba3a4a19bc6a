import "./people.css";
import { Search } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSelected } from "../../kit/use-store";
import { sentBy } from "../../session/media";
import { countPresent, handQueue, listOrder } from "../../session/people";
import { useMe, useRoomState, useSession, useVisit } from "../visit/context";
import { PersonRow } from "./person-row";
import { findPeople } from "./search";
import { useVisiblePeople } from "./use-visible-people";
import { ROW_HEIGHT, useVisibleRows } from "./use-visible-rows";

/** How many are here, for the panel's title. */
export function PeopleCount() {
  const all = useVisiblePeople();
  const count = countPresent(all);
  return <span className="side-panel-count tabular">{count}</span>;
}

export function PeoplePanel() {
  const { t } = useTranslation();
  const { ui } = useVisit();
  const { media } = useSession();
  const all = useVisiblePeople();
  const sent = useSelected(media, (now) => now.people);
  const status = useSelected(media, (now) => now.status);
  const speaking = useSelected(media, (now) => now.speaking);
  const pinned = useSelected(ui, (now) => now.pinned);
  const volumes = useSelected(ui, (now) => now.volumes);
  const me = useMe();
  const room = useRoomState();
  const [wanted, setWanted] = useState("");
  const myId = me?.id ?? null;
  const found = useMemo(
    () => (myId === null ? [] : findPeople(listOrder(all, myId), wanted)),
    [all, myId, wanted],
  );
  const queue = useMemo(() => handQueue(all), [all]);
  const [list, { look, first, end }] = useVisibleRows(found.length);
  if (!me || !room) return null;
  return (
    <div className="people">
      <div className="people-search">
        <Search className="icon icon-small" aria-hidden="true" />
        <input
          className="input"
          type="search"
          aria-label={t("people.search")}
          placeholder={t("people.search")}
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
          maxLength={100}
        />
      </div>
      <ul className="people-list" aria-label={t("people.list")} ref={list} onScroll={look}>
        {first > 0 && <li aria-hidden="true" style={{ blockSize: first * ROW_HEIGHT }} />}
        {found.slice(first, end).map((person, index) => {
          const theirs = sentBy({ status, people: sent }, person.id);
          return (
            <PersonRow
              key={person.id}
              person={person}
              me={me}
              room={room}
              media={theirs}
              speaking={speaking.has(person.id) && theirs.microphone === "live"}
              pinned={pinned === person.id}
              volume={volumes.get(person.id) ?? 1}
              handPosition={queue.indexOf(person.id) + 1}
              position={first + index + 1}
              total={found.length}
            />
          );
        })}
        {end < found.length && (
          <li aria-hidden="true" style={{ blockSize: (found.length - end) * ROW_HEIGHT }} />
        )}
      </ul>
      {!me.isAdmin && !room.features.viewUserList && (
        <p className="people-none muted">{t("people.hostsOnly")}</p>
      )}
      {found.length === 0 && <p className="people-none muted">{t("people.none")}</p>}
    </div>
  );
}
