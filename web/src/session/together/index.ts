/**
 * What people of one meeting do together. Loaded with the meeting screen, made once for each session when somebody first
 * looks at it, which may be while drawing: the server is asked and listened to once it begins.
 */
import type { TextKey } from "../../i18n/keys";
import type { Panel } from "../prefs";
import type { Session } from "../session";
import { createAway, type Away } from "./away";
import { createBreakouts, type Breakouts } from "./breakouts";
import { createChatActions, type ChatActions } from "./chat-actions";
import { createFormDrafts, type FormDrafts, type UnseenForm } from "./form-drafts";
import { createPlayer, type Player } from "./player";
import { createPolls, type Polls } from "./polls";
import { createUploads, type Uploads } from "./uploads";
import { hearNotes } from "./waiting-notes";

export interface Together {
  readonly chat: ChatActions;
  /** Files on their way into the chat, whatever is on the screen. */
  readonly uploads: Uploads;
  readonly forms: FormDrafts;
  readonly polls: Polls;
  readonly breakouts: Breakouts;
  readonly player: Player;
  readonly away: Away;
}

/** The screen around it, as far as it is needed here. */
export interface Surroundings {
  show(panel: Panel): void;
  /** To another room, which is asked for by its id. */
  go(roomId: string): void;
  keepWayBack(token: string): void;
}

/** Where the form is that came to nothing, and what is said of it. */
const UNSEEN = {
  poll: { panel: "polls", key: "polls.notStarted" },
  vote: { panel: "polls", key: "polls.notVoted" },
  rooms: { panel: "breakout", key: "breakout.notOpened" },
  tell: { panel: "breakout", key: "breakout.notTold" },
} as const satisfies Record<UnseenForm, { readonly panel: Panel; readonly key: TextKey }>;

const made = new WeakMap<Session, Together>();
const around = new WeakMap<Session, Surroundings>();

export function together(session: Session): Together {
  const before = made.get(session);
  if (before) return before;
  const { notices } = session;
  const chat = createChatActions(session);
  const uploads = createUploads(
    session,
    "chat",
    () => session.room.getSnapshot()?.state.activities.files ?? { types: [], maxMegabytes: 0 },
  );
  const forms = createFormDrafts((form, reason) => {
    const { panel, key } = UNSEEN[form];
    notices.show({ group: key, level: "error", text: { key, values: { reason } }, panel });
  });
  const polls = createPolls(session, () =>
    notices.show({
      group: "poll",
      text: { key: "polls.isNew" },
      alert: "poll",
      panel: "polls",
      action: { key: "polls.show", run: () => around.get(session)?.show("polls") },
    }),
  );
  const breakouts = createBreakouts(session, {
    onInvited: (roomId) => invite(session, roomId),
    onWayBack: (token) => around.get(session)?.keepWayBack(token),
  });
  const player = createPlayer(session);
  const away = createAway(session);
  const now: Together = { chat, uploads, forms, polls, breakouts, player, away };
  made.set(session, now);
  return now;
}

/** For whoever shows the meeting, and says how. Begins once; after that only the surroundings are others. */
export function begin(session: Session, by: Surroundings): void {
  const isFirst = !around.has(session);
  around.set(session, by);
  if (isFirst) start(session, together(session));
}

function start(session: Session, parts: Together): void {
  const { chat, uploads, polls, breakouts, player, away } = parts;
  const stop = session.activities.listen((news) => {
    if (news.kind === "data" && chat.hear(news.data, news.privately)) return;
    if (polls.hear(news) || breakouts.hear(news) || away.hear(news)) return;
    player.hear(news);
  });
  const ends = [chat, polls, breakouts, player, away].map((part) => part.begin());
  const stopRoom = session.room.subscribe(sayExtension(session));
  const stopNotes = hearNotes(session);
  const stopPhase = session.phase.subscribe(() => {
    if (session.phase.getSnapshot().at !== "ended") return;
    for (const end of [stop, stopRoom, stopNotes, stopPhase, uploads.dispose, ...ends]) end();
  });
}

function invite(session: Session, roomId: string): void {
  const back = roomId === session.room.getSnapshot()?.state.activities.breakout.parent;
  session.notices.show({
    group: "breakout",
    sticky: true,
    alert: "asked",
    panel: back ? null : "breakout",
    text: { key: back ? "breakout.calledBack" : "breakout.invited" },
    action: {
      key: back ? "breakout.back" : "breakout.join",
      run: () => around.get(session)?.go(roomId),
    },
  });
}

/** Everybody hears that the meeting was made longer. */
function sayExtension(session: Session): () => void {
  const minutes = () => session.room.getSnapshot()?.state.features.durationMinutes ?? 0;
  let before = minutes();
  return () => {
    const now = minutes();
    if (before > 0 && now > before) {
      const text = { key: "duration.extended", values: { count: now - before } } as const;
      session.notices.show({ group: "time", text });
    }
    before = now;
  };
}
