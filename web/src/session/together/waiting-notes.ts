/** Tells hosts when somebody who waits says something to them. */
import type { ParticipantId } from "../../wire/types";
import type { Session } from "../contract";

/** Returns the way to stop. */
export function hearNotes(session: Session): () => void {
  const known = new Map<ParticipantId, string>();
  const look = () => {
    for (const { id, name, note, waiting } of session.people.getSnapshot().values()) {
      const before = known.get(id) ?? "";
      known.set(id, note);
      if (!waiting || note === "" || note === before || id === session.me()) continue;
      session.notices.show({
        group: `note-${id}`,
        text: { key: "waiting.left", values: { name, note } },
        alert: "waiting",
        panel: "waiting",
      });
    }
  };
  look();
  return session.people.subscribe(look);
}
