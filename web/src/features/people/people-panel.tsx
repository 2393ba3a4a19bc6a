import "./people.css";
import { Search } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSelected, useStore } from "../../kit/use-store";
import { NO_MEDIA } from "../../session/media";
import { handQueue, listOrder } from "../../session/people";
import { useMe, useRoomState, useSession } from "../visit/context";
import { PersonRow } from "./person-row";
import { findPeople } from "./search";

export function PeoplePanel() {
  const { t } = useTranslation();
  const { people, media } = useSession();
  const all = useStore(people);
  const sent = useSelected(media, (now) => now.people);
  const me = useMe();
  const room = useRoomState();
  const [wanted, setWanted] = useState("");
  if (!me || !room) return null;
  const queue = handQueue(all);
  const found = findPeople(listOrder(all, me.id), wanted);
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
      <ul className="people-list" aria-label={t("people.list")}>
        {found.map((person) => (
          <PersonRow
            key={person.id}
            person={person}
            me={me}
            room={room}
            media={sent.get(person.id) ?? NO_MEDIA}
            handPosition={queue.indexOf(person.id) + 1}
          />
        ))}
      </ul>
      {found.length === 0 && <p className="people-none muted">{t("people.none")}</p>}
    </div>
  );
}
