import "../../../tests/bare-page";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ANA, BEN, createFakeServer, flush } from "../../../tests/fakes";
import { BreakoutRoomResSchema } from "../../wire/gen/plugnmeet/features_pb";
import { CloseBreakoutsReqSchema } from "../../wire/gen/plenum/meeting_pb";
import { closingAt, createBreakouts } from "./breakouts";

const listed = (...closesAt: readonly number[]) =>
  toBinary(
    BreakoutRoomResSchema,
    create(BreakoutRoomResSchema, {
      status: true,
      rooms: closesAt.map((at, number) => ({
        id: `room01-${number}`,
        title: `Room ${number}`,
        closesAt: BigInt(at),
      })),
    }),
  );

async function host(metadata: object, admin = true) {
  const server = createFakeServer();
  await server.enter([{ ...ANA, admin }, BEN], metadata);
  const breakouts = createBreakouts(server.session, {
    onInvited: () => undefined,
    onWayBack: () => undefined,
  });
  return { server, breakouts, end: breakouts.begin() };
}

const closes = (server: Awaited<ReturnType<typeof host>>["server"]) =>
  server.asked
    .filter(({ path }) => path === "plenum/breakout/close")
    .map(({ body }) => fromBinary(CloseBreakoutsReqSchema, body ?? new Uint8Array()));

test("the server counts down, so that it goes on without the host", async () => {
  const { server, breakouts, end } = await host({});
  server.answer = () => listed(5_000, 9_000);

  await breakouts.endSoon();
  await flush();

  expect(closes(server)).toMatchObject([{ inSeconds: 60, isWithdrawn: false }]);
  expect(closingAt(breakouts.getSnapshot())).toBe(9_000);
  await breakouts.keepOpen();
  expect(closes(server)[1]).toMatchObject({ isWithdrawn: true });
  end();
});

test("rooms of which one goes on do not all end", () => {
  const room = { closesAt: 5 } as never;
  const other = { closesAt: null } as never;
  expect(closingAt({ loaded: true, rooms: [room, other], mine: null })).toBeNull();
  expect(closingAt({ loaded: true, rooms: [], mine: null })).toBeNull();
});

test("hosts who visit a room see all rooms from there, guests do not ask", async () => {
  const inside = { is_breakout_room: true, parent_room_id: "main" };
  for (const [admin, asks] of [
    [true, true],
    [false, false],
  ] as const) {
    const { server, breakouts, end } = await host(inside, admin);
    server.answer = () => listed(0);
    breakouts.refresh();
    await flush();
    expect(server.asked.some(({ path }) => path === "breakoutRoom/listRooms")).toBe(asks);
    expect(breakouts.getSnapshot().rooms).toHaveLength(asks ? 1 : 0);
    end();
  }
});
