/** Media that takes nobody new for the moment, because there is no time for one more. */
import type { MediaAccess } from "../wire/types";

export class MediaFullError extends Error {
  readonly code = "media-full";
  constructor() {
    super("the media server is full");
  }
}

const TIMEOUT_MS = 5_000;

/** Asks why a socket was refused: the refusal itself is shown to no page. */
export async function saysFull({
  url,
  token,
}: Pick<MediaAccess, "url" | "token">): Promise<boolean> {
  try {
    const address = new URL(url.replace(/^ws/u, "http"));
    address.pathname = `${address.pathname.replace(/\/$/u, "")}/rtc/validate`;
    address.searchParams.set("access_token", token);
    const answer = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return answer.status === 503 && (await answer.text()).includes("full");
  } catch {
    // Nobody there to ask: then that is the reason.
    return false;
  }
}
