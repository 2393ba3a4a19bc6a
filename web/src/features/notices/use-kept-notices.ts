import { useEffect } from "react";
import { forget, tabStorage } from "../../kit/tab-storage";
import { mayRejoin } from "../../session/errors";
import { useSession } from "../visit/context";
import { keyFor, load, save } from "./kept";

/** Takes the list of notices through a reload of the page; the end of the meeting is its end. */
export function useKeptNotices(): void {
  const { notices, room, me, phase } = useSession();
  useEffect(() => {
    const sid = room.getSnapshot()?.sid;
    const id = me();
    if (!sid || id === null) return undefined;
    const key = keyFor(sid, id);
    const storage = tabStorage();
    notices.restore(load(storage, key));
    const stop = notices.history.subscribe(() =>
      save(storage, key, notices.history.getSnapshot().all),
    );
    return () => {
      stop();
      const now = phase.getSnapshot();
      if (now.at === "ended" && !mayRejoin(now.reason)) forget(storage, key);
    };
  }, [notices, room, me, phase]);
}
