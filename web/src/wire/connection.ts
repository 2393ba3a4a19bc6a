/** How media may reach this browser, as the server tells it before anybody has joined. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ConnectionReqSchema, ConnectionResSchema } from "./gen/plenum/meeting_pb";
import { WireError } from "./decode";

export interface MediaWay {
  readonly url: string;
  readonly username: string;
  readonly credential: string;
  /** Media needs no relay there. */
  readonly isDirect: boolean;
}

/** More are not tried. */
const MAX_WAYS = 12;

export const waysRequest = () => ({
  path: "plenum/connection",
  body: new Uint8Array(toBinary(ConnectionReqSchema, create(ConnectionReqSchema))),
});

export function decodeWays(bytes: Uint8Array): readonly MediaWay[] {
  let answer;
  try {
    answer = fromBinary(ConnectionResSchema, bytes);
  } catch (cause) {
    throw new WireError("the ways of media", cause);
  }
  if (!answer.status) throw new WireError("the ways of media", answer.msg);
  return answer.ways.slice(0, MAX_WAYS).map(({ url, username, password, isDirect }) => ({
    url,
    username,
    credential: password,
    isDirect,
  }));
}
