/** What a host has begun to fill in, kept while another panel is looked at. Nothing here travels. */
import type { NewPoll } from "../../wire/activities";
import type { ParticipantId } from "../../wire/types";
import { createStore, type Store } from "../store";

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
  /** `null` while no form is open, as with the next. */
  readonly poll: Store<NewPoll | null>;
  readonly rooms: Store<RoomsDraft | null>;
  /** A word to all breakout rooms. */
  readonly tell: Store<string>;
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

export const createFormDrafts = (): FormDrafts => ({
  poll: createStore<NewPoll | null>(null),
  rooms: createStore<RoomsDraft | null>(null),
  tell: createStore(""),
});
