import { describe, expect, test } from "vitest";
import { create } from "@bufbuild/protobuf";
import { personWith } from "../../tests/values";
import { locksFrom, roomStateFrom } from "../wire/decode";
import { RoomMetadataSchema } from "../wire/gen/plugnmeet/room_pb";
import type { LockName, RoomState } from "../wire/types";
import {
  isLocked,
  lockStanding,
  mayChat,
  mayReact,
  mayShareScreen,
  mayUseCamera,
  mayWriteTo,
} from "./rights";

const base = roomStateFrom(create(RoomMetadataSchema, {}));
const room = (locks: Partial<Record<LockName, boolean>> = {}, features = {}): RoomState => ({
  ...base,
  features: { ...base.features, ...features },
  defaultLocks: { ...base.defaultLocks, ...locks },
});
const host = personWith({ isAdmin: true });
const locked = (locks: Partial<Record<LockName, boolean>>) =>
  personWith({ locks: { ...locksFrom(undefined), ...locks } });

describe("a lock", () => {
  test.each([
    ["nothing set means free", personWith(), room(), false],
    ["the room's default counts", personWith(), room({ webcam: true }), true],
    [
      "a personal unlock beats the default",
      locked({ webcam: false }),
      room({ webcam: true }),
      false,
    ],
    ["a personal lock beats the default", locked({ webcam: true }), room(), true],
    ["hosts are exempt", host, room({ webcam: true }), false],
  ])("%s", (_, who, where, expected) => expect(isLocked(who, where, "webcam")).toBe(expected));

  test("on the whiteboard binds hosts too", () => {
    expect(isLocked(host, room({ whiteboard: true }), "whiteboard")).toBe(true);
  });
});

test.each([
  [
    "the room's",
    personWith(),
    room({ webcam: true }),
    { locked: true, from: "room", exempt: false },
  ],
  [
    "their own, where it differs",
    locked({ webcam: false }),
    room({ webcam: true }),
    { locked: false, from: "person", exempt: false },
  ],
  [
    "the room's, where their own says the same",
    locked({ webcam: true }),
    room({ webcam: true }),
    { locked: true, from: "room", exempt: false },
  ],
  [
    "of no matter to a host",
    host,
    room({ webcam: true }),
    { locked: false, from: "room", exempt: true },
  ],
])("a lock is %s", (_, who, where, expected) => {
  expect(lockStanding(who, where, "webcam")).toEqual(expected);
});

test("a refusal knows whether everybody is locked or only this person", () => {
  expect(mayUseCamera(personWith(), room({ webcam: true }))).toEqual({ ok: false, why: "locked" });
  expect(mayUseCamera(locked({ webcam: true }), room())).toEqual({ ok: false, why: "lockedYou" });
});

test("reactions can be off for everybody or locked", () => {
  expect(mayReact(host, room({}, { reactions: false }))).toEqual({ ok: false, why: "off" });
  expect(mayReact(personWith(), room({ reactions: true }))).toEqual({ ok: false, why: "locked" });
  expect(mayReact(host, room({ reactions: true }))).toEqual({ ok: true });
});

test("cameras can be for hosts only", () => {
  const where = room({}, { adminOnlyWebcams: true });
  expect(mayUseCamera(personWith(), where)).toEqual({ ok: false, why: "hostsOnly" });
  expect(mayUseCamera(host, where)).toEqual({ ok: true });
});

test("cameras can be off for everybody, hosts included", () => {
  expect(mayUseCamera(host, room({}, { webcams: false }))).toEqual({ ok: false, why: "off" });
});

test("a browser that cannot share says so before any lock does", () => {
  expect(mayShareScreen(host, room(), false)).toEqual({ ok: false, why: "unsupported" });
});

test("hosts can be written to while only private chat is locked", () => {
  const where = room({ privateChat: true });
  expect(mayWriteTo(personWith(), host, where).ok).toBe(true);
  expect(mayWriteTo(personWith(), personWith(), where)).toEqual({
    ok: false,
    why: "lockedPrivate",
  });
  expect(mayWriteTo(personWith(), host, room({ chat: true })).ok).toBe(false);
});

test("reading stays while writing is locked", () => {
  expect(mayChat(personWith(), room({ chatSend: true }))).toEqual({ ok: false, why: "locked" });
  expect(mayChat(personWith(), room({}, { chat: false }))).toEqual({ ok: false, why: "off" });
});
