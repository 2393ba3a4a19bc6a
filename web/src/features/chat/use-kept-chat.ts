import { useEffect } from "react";
import { forget, tabStorage } from "../../kit/tab-storage";
import { mayRejoin } from "../../session/errors";
import { together } from "../../session/together";
import { useSession } from "../visit/context";
import { keyFor, load, privateOf, save } from "./kept";

/** Takes private conversations through a reload, and through a breakout room; the end of the meeting is theirs. */
export function useKeptChat(): void {
  const session = useSession();
  const { chat, room, me, phase } = session;
  // Files on their way stay behind with the meeting, also when one goes on to another room.
  useEffect(() => () => together(session).uploads.dispose(), [session]);
  useEffect(() => {
    const sid = room.getSnapshot()?.sid;
    const id = me();
    if (!sid || id === null) return undefined;
    const key = keyFor(sid, id);
    const storage = tabStorage();
    load(storage, key).forEach(chat.restore);
    const kept = () => {
      const state = chat.getSnapshot();
      // What everybody writes changes nothing here.
      return [state.unread, ...privateOf(state).map(([, entries]) => entries)];
    };
    let last = kept();
    const stop = chat.subscribe(() => {
      const now = kept();
      if (now.length === last.length && now.every((part, at) => part === last[at])) return;
      last = now;
      save(storage, key, chat.getSnapshot());
    });
    return () => {
      stop();
      const now = phase.getSnapshot();
      if (now.at === "ended" && !mayRejoin(now.reason)) forget(storage, key);
    };
  }, [chat, room, me, phase]);
}
