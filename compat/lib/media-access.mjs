// Where the media server is and the token for it, got the way every client gets them: over the meeting's channel.
import { fromStrictJson } from "./wire.mjs";

/** `{url, token}` for a member who is inside. */
export async function mediaAccess(member) {
  const answer = await member.ask("REQ_MEDIA_SERVER_DATA", "RES_MEDIA_SERVER_DATA");
  const { url, token } = fromStrictJson("MediaServerConnInfo", answer.msg);
  return { url, token };
}
