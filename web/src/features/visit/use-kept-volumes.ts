import { useEffect } from "react";
import { forget, tabStorage } from "../../kit/tab-storage";
import { mayRejoin } from "../../session/errors";
import { useVisit } from "./context";
import { keyFor, load, save } from "./kept-volumes";

/** Takes the volume of each person through a reload of the page; the end of the meeting is its end. */
export function useKeptVolumes(): void {
  const { session, ui } = useVisit();
  const { room, me, phase } = session;
  useEffect(() => {
    const sid = room.getSnapshot()?.sid;
    const id = me();
    if (!sid || id === null) return undefined;
    const key = keyFor(sid, id);
    const storage = tabStorage();
    for (const [who, volume] of load(storage, key)) ui.setVolume(who, volume);
    let saved = ui.getSnapshot().volumes;
    const stop = ui.subscribe(() => {
      const { volumes } = ui.getSnapshot();
      if (volumes !== saved) save(storage, key, volumes);
      saved = volumes;
    });
    return () => {
      stop();
      const now = phase.getSnapshot();
      if (now.at === "ended" && !mayRejoin(now.reason)) forget(storage, key);
    };
  }, [room, me, phase, ui]);
}
