/**
 * What hosts ask people to do themselves: nobody's microphone is opened for them. On the wire it is a text in
 * the asker's language, which every client shows; the id of the message tells ours what it is about, so that
 * it can be said in the reader's language and done with one press.
 */
import { messageId } from "../wire/encode";

export const WISHES = ["microphone", "camera", "screen"] as const;
export type Wish = (typeof WISHES)[number];

const PREFIX = "plenum-ask";

export const wishId = (wish: Wish): string => `${PREFIX}:${wish}:${messageId()}`;

export function wishOf(id: string): Wish | null {
  const [prefix, wish] = id.split(":");
  return prefix === PREFIX ? (WISHES.find((known) => known === wish) ?? null) : null;
}
