import { Shuffle } from "lucide-react";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { AskForm } from "../../kit/ask-form";
import { Select, TextField } from "../../kit/field";
import { useStore } from "../../kit/use-store";
import type { Breakouts } from "../../session/together/breakouts";
import type { Draft } from "../../session/together/draft";
import type { RoomsDraft, RoomsWay } from "../../session/together/form-drafts";
import type { Person } from "../../wire/types";
import { useRefusal } from "../notices/use-refusal";
import { useSession } from "../visit/context";
import { assignRandomly, fillsAll, within, type Assignment } from "./assign";

interface CreateFormProps {
  readonly breakouts: Breakouts;
  /** How many rooms may be made. */
  readonly most: number;
  readonly form: Draft<RoomsDraft>;
  /** What is in it. */
  readonly draft: RoomsDraft;
}

const WAYS: readonly RoomsWay[] = ["manual", "random", "self"];
const MAX_MINUTES = 1_440;

/** What was typed as a number from one on. */
const wholeUpTo = (most: number, typed: string): number =>
  Math.max(1, Math.min(most, Math.floor(Number(typed)) || 1));

export function CreateForm({ breakouts, most, form, draft }: CreateFormProps) {
  const { t } = useTranslation();
  const refusal = useRefusal();
  const { sending, problem } = useStore(form);
  const session = useSession();
  const me = session.me();
  const people = [...useStore(session.people).values()].filter(
    ({ id, waiting, isAdmin }) => !waiting && (id !== me || !isAdmin),
  );
  const { wanted, titles, minutes, welcome, way, chosen } = draft;
  const change = (part: Partial<RoomsDraft>) => form.write({ ...draft, ...part });
  // Another host may make some meanwhile.
  const count = Math.min(wanted, most);
  const titleOf = (room: number) => titles.get(room) ?? t("breakout.room", { number: room + 1 });
  const assigned = within(chosen, count);
  const drawn = () =>
    assignRandomly(
      people.map(({ id }) => id),
      count,
      Math.random,
    );
  const ask = async () => {
    if (way !== "self" && !fillsAll(assigned, count)) return t("breakout.emptyRoom");
    const rooms = Array.from({ length: count }, (_, room) => ({
      title: titleOf(room).trim() || t("breakout.room", { number: room + 1 }),
      people: way === "self" ? [] : people.filter(({ id }) => assigned.get(id) === room),
    }));
    const wish = { minutes, welcome: welcome.trim(), selfSelect: way === "self", rooms };
    const { ok, reason } = await breakouts.create(wish);
    return ok ? null : refusal(reason, "breakout.failed");
  };
  return (
    <AskForm
      className="activity"
      cancel={t("polls.cancel")}
      submit={t("breakout.open")}
      submitting={t("chat.sending")}
      sending={sending}
      problem={problem}
      onCancel={form.drop}
      onSubmit={() => void form.send(ask)}
    >
      <div className="breakout-numbers">
        <TextField
          label={t("breakout.howMany")}
          type="number"
          min={1}
          max={most}
          required
          value={count}
          onChange={(event) => change({ wanted: wholeUpTo(most, event.target.value) })}
        />
        <TextField
          label={t("breakout.length")}
          type="number"
          min={1}
          max={MAX_MINUTES}
          required
          value={minutes}
          onChange={(event) => change({ minutes: wholeUpTo(MAX_MINUTES, event.target.value) })}
        />
      </div>
      <fieldset className="breakout-ways">
        <legend className="field-label">{t("breakout.who")}</legend>
        {WAYS.map((one) => (
          <label key={one} className="check">
            <input
              type="radio"
              name="breakout-way"
              checked={way === one}
              onChange={() =>
                change({ way: one, ...(one === "random" ? { chosen: drawn() } : {}) })
              }
            />
            {t(`breakout.way.${one}`)}
          </label>
        ))}
      </fieldset>
      <fieldset className="activity-list">
        <legend className="field-label">{t("breakout.titles")}</legend>
        {Array.from({ length: count }, (_, room) => (
          // A room has no name but its number while it is being made.
          <input
            key={`room-${room + 1}`}
            className="input"
            dir="auto"
            aria-label={t("breakout.titleOf", { number: room + 1 })}
            maxLength={100}
            value={titleOf(room)}
            onChange={(event) => change({ titles: new Map(titles).set(room, event.target.value) })}
          />
        ))}
      </fieldset>
      {way === "random" && (
        <button
          type="button"
          className="button button-plain button-small activity-main"
          onClick={() => change({ chosen: drawn() })}
        >
          <Shuffle className="icon icon-small" aria-hidden="true" />
          {t("breakout.drawAgain")}
        </button>
      )}
      {way !== "self" && (
        <AssignList
          people={people}
          rooms={count}
          titleOf={titleOf}
          chosen={assigned}
          onChoose={(next) => change({ chosen: next })}
        />
      )}
      <TextField
        label={t("breakout.welcome")}
        dir="auto"
        maxLength={500}
        value={welcome}
        onChange={(event) => change({ welcome: event.target.value })}
      />
    </AskForm>
  );
}

interface AssignListProps {
  readonly people: readonly Person[];
  readonly rooms: number;
  readonly titleOf: (room: number) => string;
  readonly chosen: Assignment;
  readonly onChoose: (assignment: Assignment) => void;
}

function AssignList({ people, rooms, titleOf, chosen, onChoose }: AssignListProps) {
  const { t } = useTranslation();
  const id = useId();
  const choose = (person: Person, room: string) => {
    const next = new Map(chosen);
    if (room === "") next.delete(person.id);
    else next.set(person.id, Number(room));
    onChoose(next);
  };
  return (
    <fieldset className="activity-list">
      <legend className="field-label">{t("breakout.people")}</legend>
      {people.length === 0 && <p className="muted">{t("breakout.nobodyHere")}</p>}
      {people.map((person) => (
        <div key={person.id} className="breakout-person">
          <label className="breakout-name" htmlFor={`${id}-${person.id}`}>
            <bdi>{person.name}</bdi>
          </label>
          <Select
            id={`${id}-${person.id}`}
            className="breakout-move"
            value={String(chosen.get(person.id) ?? "")}
            onChange={(event) => choose(person, event.target.value)}
          >
            <option value="">{t("breakout.main")}</option>
            {Array.from({ length: rooms }, (_, room) => (
              <option key={titleOf(room) + String(room)} value={room}>
                {titleOf(room)}
              </option>
            ))}
          </Select>
        </div>
      ))}
    </fieldset>
  );
}
