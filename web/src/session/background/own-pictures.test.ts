import "../../../tests/bare-page";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test, vi } from "vitest";
import { ANA, commonAnswer, createFakeServer, flush } from "../../../tests/fakes";
import { RemoveBackgroundReqSchema } from "../../wire/gen/plenum/meeting_pb";
import {
  GetRoomUploadedFilesResSchema,
  RoomUploadedFileMetadataSchema,
} from "../../wire/gen/plugnmeet/common_pb";
import { createOwnPictures } from "./own-pictures";

const filesAnswer = (...paths: readonly string[]) =>
  toBinary(
    GetRoomUploadedFilesResSchema,
    create(GetRoomUploadedFilesResSchema, {
      status: true,
      files: paths.map((filePath) =>
        create(RoomUploadedFileMetadataSchema, { fileName: "hall.jpg", filePath }),
      ),
    }),
  );

async function pictures() {
  const server = createFakeServer();
  await server.enter([ANA]);
  const own = createOwnPictures(server.session, async () => {
    throw new Error("no picture");
  });
  return { server, own };
}

test("one's own pictures are asked for by kind and listed", async () => {
  const { server, own } = await pictures();
  server.answer = () => filesAnswer("s/x/hall.jpg");
  await own.refresh();
  expect(server.asked.at(-1)?.path).toBe("getRoomFilesByType");
  expect(own.getSnapshot()).toEqual([
    { name: "hall.jpg", address: "/download/uploadedFile/s/x/hall.jpg" },
  ]);
});

test("a picture is taken away by the path the server knows, and only if it agrees", async () => {
  const { server, own } = await pictures();
  server.answer = () => filesAnswer("s/x/my hall.jpg");
  await own.refresh();
  const [file] = own.getSnapshot();
  if (!file) throw new Error("nothing listed");

  server.answer = () => commonAnswer(false, "no");
  expect(await own.remove(file)).toBe(false);
  expect(own.trouble.getSnapshot()).toEqual({ what: "removal", name: "hall.jpg" });
  expect(own.getSnapshot()).toHaveLength(1);

  server.answer = () => commonAnswer(true);
  expect(await own.remove(file)).toBe(true);
  const { path, body } = server.asked.at(-1) ?? { path: "", body: null };
  expect(path).toBe("plenum/backgrounds/remove");
  expect(fromBinary(RemoveBackgroundReqSchema, body ?? new Uint8Array()).filePath).toBe(
    "s/x/my hall.jpg",
  );
  expect(own.getSnapshot()).toEqual([]);
});

test.each([
  ["notes.txt", 10, "type"],
  ["huge.png", 30_000_001, "too-large"],
  ["broken.png", 10, "unreadable"],
] as const)("%s is refused before anything is sent", async (name, size, what) => {
  const { server, own } = await pictures();
  const file = new File(["x"], name);
  Object.defineProperty(file, "size", { value: size });
  const asked = server.asked.length;
  await own.add(file, vi.fn());
  await flush();
  expect(own.trouble.getSnapshot()).toEqual({ what, name });
  expect(server.asked).toHaveLength(asked);
});
