/** Whether somebody looks at the meeting's page, as clients tell hosts. */
import { create, toBinary } from "@bufbuild/protobuf";
import { messageId } from "./encode";
import { DataChannelMessageSchema, DataMsgBodyType } from "./gen/plugnmeet/messaging_pb";
import type { ParticipantId } from "./types";

export const VISIBILITY = DataMsgBodyType.USER_VISIBILITY_CHANGE;

export const encodeVisibility = (from: ParticipantId, hidden: boolean): Uint8Array =>
  toBinary(
    DataChannelMessageSchema,
    create(DataChannelMessageSchema, {
      id: messageId(),
      type: VISIBILITY,
      fromUserId: from,
      message: hidden ? "hidden" : "visible",
    }),
  );
