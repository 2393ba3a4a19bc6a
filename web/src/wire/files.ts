/** Files people bring into a meeting. Loaded with the meeting. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { WireError } from "./decode";
import {
  GetRoomUploadedFilesReqSchema,
  GetRoomUploadedFilesResSchema,
  RoomUploadedFileType,
  UploadedFileMergeReqSchema,
  UploadedFileResSchema,
} from "./gen/plugnmeet/common_pb";

import { RemoveBackgroundReqSchema } from "./gen/plenum/meeting_pb";

export type FileKind = "chat" | "player" | "background";

const TYPES: Readonly<Record<FileKind, RoomUploadedFileType>> = {
  chat: RoomUploadedFileType.CHAT_FILE,
  player: RoomUploadedFileType.EXTERNAL_MEDIA_PLAYER_FILE,
  background: RoomUploadedFileType.VIRTUAL_BACKGROUND,
};

export interface StoredFile {
  readonly name: string;
  /** On our own server, from its root. */
  readonly address: string;
}

/** What somebody may fetch a stored file by; each part of the path for itself, so that no name ends it. */
export const fileAddress = (path: string): string =>
  `/download/uploadedFile/${path.split("/").map(encodeURIComponent).join("/")}`;

export const encodeMerge = (
  kind: FileKind,
  place: { readonly roomId: string; readonly sid: string },
  file: { readonly identifier: string; readonly name: string; readonly chunks: number },
): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    toBinary(
      UploadedFileMergeReqSchema,
      create(UploadedFileMergeReqSchema, {
        roomId: place.roomId,
        roomSid: place.sid,
        fileType: TYPES[kind],
        resumableIdentifier: file.identifier,
        resumableFilename: file.name,
        resumableTotalChunks: file.chunks,
      }),
    ),
  );

/** The stored file, or why there is none. */
export function decodeMerge(
  bytes: Uint8Array,
):
  | { readonly ok: true; readonly file: StoredFile }
  | { readonly ok: false; readonly reason: string } {
  const w = read(() => fromBinary(UploadedFileResSchema, bytes));
  if (!w.status || !w.filePath || !w.fileName) return { ok: false, reason: w.msg };
  return { ok: true, file: { name: w.fileName, address: fileAddress(w.filePath) } };
}

export const encodeFilesOf = (kind: FileKind, roomId: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    toBinary(
      GetRoomUploadedFilesReqSchema,
      create(GetRoomUploadedFilesReqSchema, { roomId, fileType: TYPES[kind] }),
    ),
  );

export const decodeFiles = (bytes: Uint8Array): readonly StoredFile[] =>
  read(() => fromBinary(GetRoomUploadedFilesResSchema, bytes)).files.map(
    ({ fileName, filePath }) => ({
      name: fileName,
      address: fileAddress(filePath),
    }),
  );

/** Takes away a picture of one's own; the server knows it by its path. */
export const encodeRemoval = ({ address }: StoredFile): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    toBinary(
      RemoveBackgroundReqSchema,
      create(RemoveBackgroundReqSchema, {
        filePath: address
          .slice(fileAddress("").length)
          .split("/")
          .map(decodeURIComponent)
          .join("/"),
      }),
    ),
  );

function read<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw new WireError("files", cause);
  }
}
