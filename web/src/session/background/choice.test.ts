import { expect, test } from "vitest";
import { roomStateFrom } from "../../wire/decode";
import { RoomMetadataSchema } from "../../wire/gen/plugnmeet/room_pb";
import { create } from "@bufbuild/protobuf";
import type { RoomInfo } from "../../wire/types";
import {
  isSameBackground,
  NONE,
  readBackground,
  settleBackground,
  VEIL,
  type Background,
} from "./choice";

const BLUR: Background = { kind: "blur", strong: false };
const DUSK: Background = { kind: "picture", id: "dusk" };
const OWN: Background = { kind: "own", address: "/download/uploadedFile/s/x/a.jpg", session: "s" };

const room = (sid: string, allowVirtualBg?: boolean): RoomInfo => ({
  id: "room01",
  sid,
  createdAt: 0,
  state: roomStateFrom(
    create(RoomMetadataSchema, {
      roomFeatures: allowVirtualBg === undefined ? {} : { allowVirtualBg },
    }),
  ),
});

test.each([[BLUR], [{ kind: "blur", strong: true }], [DUSK], [OWN], [NONE]] as const)(
  "what was chosen is read as it was written: %j",
  (background) =>
    expect(readBackground(JSON.parse(JSON.stringify(background)))).toEqual(background),
);

test.each([
  [null],
  [7],
  ["blur"],
  [{ kind: "fire" }],
  [{ kind: "picture", id: 7 }],
  [{ kind: "picture", id: "x".repeat(3_000) }],
  [{ kind: "own", address: "https://elsewhere.example/a.jpg", session: "s" }],
  [{ kind: "own", address: "/download/x" }],
])("what makes no sense is no background: %j", (raw) => expect(readBackground(raw)).toEqual(NONE));

test.each([
  ["as chosen", BLUR, room("s"), true, BLUR, null],
  ["not in a meeting that has none", BLUR, room("s", false), true, NONE, "off"],
  ["not where the browser cannot", DUSK, room("s"), false, NONE, "unsupported"],
  ["a picture of one's own in its session", OWN, room("s"), true, OWN, null],
  ["no bare room where that picture is not", OWN, room("t"), true, VEIL, "elsewhere"],
  ["nothing to explain to whoever has none", NONE, room("s", false), false, NONE, null],
  ["as chosen while nothing is known of the room", DUSK, null, true, DUSK, null],
] as const)("settles %s", (_, chosen, where, supported, background, instead) =>
  expect(settleBackground(chosen, where, supported)).toEqual({ background, instead }),
);

test("backgrounds are the same when they look the same", () => {
  const all: readonly Background[] = [NONE, BLUR, VEIL, DUSK, { kind: "picture", id: "sea" }, OWN];
  for (const one of all) {
    for (const other of all) expect(isSameBackground({ ...one }, other)).toBe(one === other);
  }
});
