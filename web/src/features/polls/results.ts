/** The results of a poll as others read them: a line of chat, a table for a spreadsheet. Pure. */
import type { Poll, PollResult, Respondent } from "../../wire/activities";

export const percent = (count: number, total: number): number =>
  total === 0 ? 0 : Math.round((count / total) * 100);

/** As typed text, so that it is shown like any message. */
export function resultText(poll: Poll, result: PollResult, heading: string): string {
  const lines = poll.options.map(({ id, text }) => {
    const count = result.counts.get(id) ?? 0;
    return `${text}: ${count} (${percent(count, result.total)} %)`;
  });
  return [heading, ...lines].join("\n");
}

/** A spreadsheet takes what begins like this for a formula and runs it. */
const FORMULA = /^[=+\-@\t\r]/u;

function cell(value: string | number): string {
  if (typeof value === "number") return String(value);
  const plain = FORMULA.test(value) ? `'${value}` : value;
  return /[",\n\r]/u.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

const table = (rows: readonly (readonly (string | number)[])[]): string =>
  rows.map((row) => row.map(cell).join(",")).join("\r\n");

export interface CsvWords {
  readonly question: string;
  readonly option: string;
  readonly votes: string;
  readonly name: string;
  readonly answers: string;
}

/** Counts, and below them who said what where that is known. */
export function resultCsv(
  poll: Poll,
  result: PollResult,
  people: readonly Respondent[],
  words: CsvWords,
): string {
  const counts = poll.options.map(({ id, text }) => [text, result.counts.get(id) ?? 0]);
  const texts = new Map(poll.options.map(({ id, text }) => [id, text]));
  const answers = new Map<string, { name: string; chosen: string[] }>();
  for (const { id, name, option } of people) {
    const one = answers.get(id) ?? { name, chosen: [] };
    one.chosen.push(texts.get(option) ?? String(option));
    answers.set(id, one);
  }
  const named = [...answers.values()].map(({ name, chosen }) => [name, chosen.join("; ")]);
  return table([
    [words.question, poll.question],
    [],
    [words.option, words.votes],
    ...counts,
    ...(named.length === 0 ? [] : [[], [words.name, words.answers], ...named]),
  ]);
}
