/** What other people send beside the chat: reactions, history, words of hosts, and what they do together. */
import { decodeHistory, type DataMessage } from "../wire/decode";
import { encodeReaction } from "../wire/encode";
import type { ParticipantId, Person, RoomState } from "../wire/types";
import type { ChatStore } from "./chat";
import type { ActivityNews } from "./contract";
import type { Link } from "./link";
import type { Mailbox } from "./mailbox";
import type { PeopleStore } from "./people";
import { emojiFrom, type Emoji, type ReactionStore } from "./reactions";
import { mayReact } from "./rights";
import type { Sayings } from "./sayings";
import type { Talk } from "./talk";
import { understood } from "./understood";

/** In whose name the server passes on what comes from people that one may not know. */
const NOBODY = "system";

interface Around {
  readonly people: PeopleStore;
  readonly chat: ChatStore;
  readonly reactions: ReactionStore;
  readonly activities: Mailbox<ActivityNews>;
  readonly talk: Talk;
  readonly sayings: Sayings;
  link(): Link | null;
  me(): ParticipantId | null;
  myself(): Person | undefined;
  room(): RoomState | undefined;
  serverNow(): number;
}

export interface PeerData {
  hear(data: DataMessage, privately: boolean): void;
  react(emoji: Emoji): void;
}

export function createPeerData(around: Around): PeerData {
  const { people, chat, reactions, activities, talk, sayings } = around;

  function onReaction({ from, text }: DataMessage): void {
    const emoji = emojiFrom(text);
    if (emoji === null) return;
    const name = people.getSnapshot().get(from)?.name;
    if (name !== undefined) reactions.show(emoji, from, name);
    else if (from === NOBODY) reactions.show(emoji, null, "");
  }

  return {
    hear(data, privately) {
      const me = around.me();
      if (data.kind === "activity") return activities.put({ kind: "data", data, privately });
      if (data.to !== null && data.to !== me) return;
      if (data.kind === "history") {
        if (privately && talk.isAnswer(data.from)) {
          chat.merge(understood(() => decodeHistory(data.text)) ?? []);
        }
        return;
      }
      if (data.from === me) return;
      if (data.kind === "history-request" && privately) talk.answerHistory(data.from);
      else if (data.kind === "reaction" && !privately) onReaction(data);
      else if ((data.kind === "info" || data.kind === "alert") && privately) {
        if (!people.getSnapshot().get(data.from)?.isAdmin) return;
        sayings.say(data.kind === "alert" ? "warning" : "info", data.text);
      }
    },
    react(emoji) {
      const person = around.myself();
      const state = around.room();
      if (!person || !state || !mayReact(person, state).ok) return;
      if (!reactions.show(emoji, person.id, person.name)) return;
      around.link()?.publishData(encodeReaction(emoji, person, around.serverNow()));
    },
  };
}
