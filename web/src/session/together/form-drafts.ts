/** What somebody has begun to fill in, kept while another panel is looked at. */
import type { NewPoll } from "../../wire/activities";
import type { ParticipantId } from "../../wire/types";
import { createDraft, type Draft, type DraftKind } from "./draft";

/** How people get into breakout rooms. */
export type RoomsWay = "manual" | "random" | "self";

export interface RoomsDraft {
  /** How many rooms. */
  readonly wanted: number;
  /** By the number of the room, from 0; one without has the usual title. */
  readonly titles: ReadonlyMap<number, string>;
  readonly minutes: number;
  readonly welcome: string;
  readonly way: RoomsWay;
  /** The number of the room of each who has one. */
  readonly chosen: ReadonlyMap<ParticipantId, number>;
}

export interface FormDrafts {
  /** Its form is open while there is one, as with the next. */
  readonly poll: Draft<NewPoll>;
  readonly rooms: Draft<RoomsDraft>;
  /** A word to all breakout rooms. */
  readonly tell: Draft<string>;
  /** What is read in the waiting room. */
  readonly waiting: Draft<string>;
  /** What is chosen in a poll, by the ids of its options. */
  vote(pollId: string): Draft<readonly number[]>;
}

export const EMPTY_POLL: NewPoll = {
  question: "",
  options: ["", ""],
  multiple: false,
  anonymous: false,
  live: false,
};

const USUAL_MINUTES = 15;

export const EMPTY_ROOMS: RoomsDraft = {
  wanted: 2,
  titles: new Map(),
  minutes: USUAL_MINUTES,
  welcome: "",
  way: "manual",
  chosen: new Map(),
};

/** What came to nothing while its form was closed. What is read in the waiting room says so itself. */
export type UnseenForm = "poll" | "vote" | "rooms" | "tell";

export function createFormDrafts(
  onUnseen: (form: UnseenForm, problem: string) => void,
): FormDrafts {
  const draftOf = <T>(form: UnseenForm, kind: DraftKind) =>
    createDraft<T>(kind, (problem) => onUnseen(form, problem));
  const votes = new Map<string, Draft<readonly number[]>>();
  return {
    poll: draftOf("poll", "choices"),
    rooms: draftOf("rooms", "choices"),
    tell: draftOf("tell", "words"),
    waiting: createDraft("words"),
    vote(pollId) {
      const draft = votes.get(pollId) ?? draftOf("vote", "choices");
      votes.set(pollId, draft);
      return draft;
    },
  };
}
