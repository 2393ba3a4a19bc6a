/** What people of one meeting do together. Loaded with the meeting screen, made once for each session. */
import type { Session } from "../session";
import { createChatActions, type ChatActions } from "./chat-actions";

export interface Together {
  readonly chat: ChatActions;
}

const made = new WeakMap<Session, Together>();

export function together(session: Session): Together {
  const before = made.get(session);
  if (before) return before;
  const chat = createChatActions(session);
  const stop = session.activities.listen((news) => {
    if (news.kind === "data" && chat.hear(news.data, news.privately)) return;
  });
  const stopPhase = session.phase.subscribe(() => {
    if (session.phase.getSnapshot().at !== "ended") return;
    stop();
    stopPhase();
    chat.dispose();
  });
  const now = { chat };
  made.set(session, now);
  return now;
}
