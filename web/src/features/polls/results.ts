/** The results of a poll as others read them: a share, a line of chat. Pure. */
import type { Poll, PollResult } from "../../wire/activities";

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
