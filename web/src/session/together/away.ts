/** Who looks at another page, for hosts. The server tells nobody else, and counts it where the room wants figures. */
import { encodeVisibility, VISIBILITY } from "../../wire/away";
import type { ParticipantId } from "../../wire/types";
import type { ActivityNews, Session } from "../contract";
import { createStore, type Readable } from "../store";

export interface Away extends Readable<ReadonlySet<ParticipantId>> {
  hear(news: ActivityNews): boolean;
  /** Begins to listen, and to tell hosts; returns the way to end, for good. */
  begin(): () => void;
}

export function createAway(session: Session): Away {
  const { people } = session;
  const store = createStore<ReadonlySet<ParticipantId>>(new Set());
  let hosts: ReadonlySet<ParticipantId> = new Set();

  const tell = () => {
    const me = session.me();
    if (me !== null) session.publishData(encodeVisibility(me, document.hidden));
  };

  const look = () => {
    const here = people.getSnapshot();
    const now = new Set([...here.values()].filter(({ isAdmin }) => isAdmin).map(({ id }) => id));
    // A host who comes later has not heard it.
    const isNew = [...now].some((id) => !hosts.has(id));
    hosts = now;
    if (isNew && document.hidden) tell();
    if ([...store.getSnapshot()].some((id) => !here.has(id))) {
      store.update((away) => new Set([...away].filter((id) => here.has(id))));
    }
  };

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    hear(news) {
      if (news.kind !== "data" || news.data.type !== VISIBILITY) return false;
      const { from, text } = news.data;
      const hidden = text === "hidden";
      if (
        !news.privately &&
        people.getSnapshot().has(from) &&
        store.getSnapshot().has(from) !== hidden
      ) {
        store.update((away) => {
          const next = new Set(away);
          if (hidden) next.add(from);
          else next.delete(from);
          return next;
        });
      }
      return true;
    },
    begin() {
      document.addEventListener("visibilitychange", tell);
      look();
      const stop = people.subscribe(look);
      return () => {
        stop();
        document.removeEventListener("visibilitychange", tell);
      };
    },
  };
}
