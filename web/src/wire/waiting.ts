/** What people in the waiting room can ask of the server. */
import { create, toBinary } from "@bufbuild/protobuf";
import { NoteReqSchema } from "./gen/plenum/meeting_pb";

export const noteRequest = (text: string) => ({
  path: "plenum/note",
  body: new Uint8Array(toBinary(NoteReqSchema, create(NoteReqSchema, { text }))),
});
