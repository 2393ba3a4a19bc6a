import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, expect, test, vi } from "vitest";
import { CommonResponseSchema, VerifyTokenResSchema } from "../wire/gen/plugnmeet/common_pb";
import { verifyToken } from "./api";

const answer = (status: number, bytes: Uint8Array) => {
  const called = vi.fn<typeof fetch>(() =>
    Promise.resolve(new Response(new Uint8Array(bytes), { status })),
  );
  vi.stubGlobal("fetch", called);
  return called;
};

afterEach(() => vi.unstubAllGlobals());

const subjects = {
  systemApiWorker: "a",
  systemJsWorker: "b",
  systemCoreWorker: "c",
  systemPublic: "d",
  systemPrivate: "e",
  chat: "f",
  whiteboard: "g",
  dataChannel: "h",
};

test("the token goes bare into the header and the answer opens the door", async () => {
  const call = answer(
    200,
    toBinary(
      VerifyTokenResSchema,
      create(VerifyTokenResSchema, {
        status: true,
        natsWsUrls: ["ws://x/nats"],
        roomId: "r",
        userId: "u",
        roomStreamName: "s",
        natsSubjects: subjects,
      }),
    ),
  );
  await expect(verifyToken("jwt")).resolves.toMatchObject({ roomId: "r", me: "u", stream: "s" });
  expect(call).toHaveBeenCalledWith(
    "/api/verifyToken",
    expect.objectContaining({
      headers: { "Content-Type": "application/protobuf", Authorization: "jwt" },
    }),
  );
});

test.each([
  [200, VerifyTokenResSchema, "notifications.you-are-blocked", "blocked"],
  [401, CommonResponseSchema, "notifications.token-expired", "token-expired"],
] as const)("a refusal says why (%i)", async (status, schema, msg, code) => {
  answer(status, toBinary(schema, create(schema, { status: false, msg })));
  await expect(verifyToken("jwt")).rejects.toMatchObject({ code });
});

test("an answer without the essentials is not half a way in", async () => {
  answer(200, toBinary(VerifyTokenResSchema, create(VerifyTokenResSchema, { status: true })));
  await expect(verifyToken("jwt")).rejects.toMatchObject({ code: "bad-message" });
});

test("a server in trouble and a missing one are both the network's fault", async () => {
  answer(503, new Uint8Array());
  await expect(verifyToken("jwt")).rejects.toMatchObject({ code: "network" });
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("offline")));
  await expect(verifyToken("jwt")).rejects.toMatchObject({ code: "network" });
});
