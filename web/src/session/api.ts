/** The few HTTP calls a member of a meeting makes. Same origin, never anybody else's. */
import { decodeAdmission, WireError } from "../wire/decode";
import {
  decodeCommon,
  decodeRoomEnd,
  encodeRoomEnd,
  encodeVerifyToken,
  type Outcome,
} from "../wire/encode";
import type { Admission } from "../wire/types";
import { endReason, SessionError } from "./errors";

/** How long one call may take. */
const TIMEOUT_MS = 15_000;

export interface Answer {
  readonly status: number;
  readonly bytes: Uint8Array;
}

/** One call below `/api/`: a question without a body, anything else with one. */
export async function call(
  path: string,
  token: string,
  body: Uint8Array<ArrayBuffer> | null,
): Promise<Answer> {
  try {
    const answer = await fetch(`/api/${path}`, {
      method: body === null ? "GET" : "POST",
      headers: { "Content-Type": "application/protobuf", Authorization: token },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: answer.status, bytes: new Uint8Array(await answer.arrayBuffer()) };
  } catch (cause) {
    throw new SessionError({ code: "network", detail: "" }, { cause });
  }
}

/** Shows the join token to the server. Throws a `SessionError` that says why there is no way in. */
export async function verifyToken(token: string): Promise<Admission> {
  const { status, bytes } = await call("verifyToken", token, encodeVerifyToken());
  try {
    if (status >= 500) throw new SessionError({ code: "network", detail: "" });
    if (status !== 200) throw new SessionError(endReason(decodeCommon(bytes).reason));
    const answer = decodeAdmission(bytes);
    if (!answer.ok) throw new SessionError(endReason(answer.reason));
    return answer.admission;
  } catch (error) {
    if (error instanceof SessionError) throw error;
    if (error instanceof WireError) {
      throw new SessionError({ code: "bad-message", detail: "" }, { cause: error });
    }
    throw new SessionError({ code: "token-invalid", detail: "" }, { cause: error });
  }
}

/** Asks for something and hands over the answer as it came, whatever its status. */
export const ask = async (
  token: string,
  path: string,
  body: Uint8Array<ArrayBuffer> | null,
): Promise<Uint8Array> => (await call(path, token, body)).bytes;

/** Ends the meeting for everybody. Only a moderator's token may. */
export async function endRoom(token: string, roomId: string): Promise<Outcome> {
  const { status, bytes } = await call("endRoom", token, encodeRoomEnd(roomId));
  return status === 200 ? decodeRoomEnd(bytes) : decodeCommon(bytes);
}
