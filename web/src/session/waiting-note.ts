/** What somebody who waits tells the hosts. Loaded with the waiting room. */
import { decodeCommon } from "../wire/encode";
import { noteRequest } from "../wire/waiting";
import type { Session } from "./contract";

/** In characters, as the server takes it. */
export const MAX_NOTE = 300;

/** Replaces what was told before; whether the hosts can read it. */
export async function leaveNote(session: Pick<Session, "ask">, text: string): Promise<boolean> {
  try {
    return decodeCommon(await session.ask(noteRequest(text))).ok;
  } catch {
    return false;
  }
}
