import { refusalText } from "../../session/refusal-text";
import { together } from "../../session/together";
import { Refused, type Poll } from "../../wire/activities";
import { useSession } from "../visit/context";

/** Saves the table of one poll, or of all; the server makes it, and says why it does not. */
export function useSaveCsv(): (poll: Poll | null) => Promise<void> {
  const session = useSession();
  return async (poll) => {
    try {
      const table = await together(session).polls.csv(poll);
      const name = (poll?.question ?? session.room.getSnapshot()?.state.title ?? "").slice(0, 40);
      save(table, `${name.trim() || "polls"}.csv`);
    } catch (error) {
      const reason = error instanceof Refused ? error.message : "";
      const text = refusalText(reason, "polls.failed");
      session.notices.show({ group: "poll-failed", level: "error", text });
    }
  };
}

function save(table: Uint8Array, name: string): void {
  const url = URL.createObjectURL(new Blob([new Uint8Array(table)], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
