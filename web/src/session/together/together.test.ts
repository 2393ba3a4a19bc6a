import "../../../tests/bare-page";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ANA, BEN, createFakeServer, flush } from "../../../tests/fakes";
import { begun } from "../../../tests/together";
import { together } from ".";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("whoever looks at it has the server asked nothing before it begins, and then once", async () => {
  vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  const server = createFakeServer();
  await server.enter([BEN, ANA], {
    room_features: {
      polls_features: { is_active: true },
      breakout_room_features: { is_active: true },
    },
  });
  together(server.session);
  await vi.advanceTimersByTimeAsync(4 * 60_000);
  expect(server.asked).toEqual([]);
  expect(server.data).toEqual([]);

  begun(server.session);
  begun(server.session);
  await flush();
  const lists = server.asked.map(({ path }) => path).filter((path) => /\/list/u.test(path));
  expect(lists.toSorted()).toEqual(["breakoutRoom/listRooms", "polls/listPolls"]);
  expect(server.data).toHaveLength(1);
  server.session.dispose();
});

test.each([
  ["main", { breakout_room_features: { is_active: true } }],
  ["breakout", { is_breakout_room: true, parent_room_id: "main" }],
])("a %s room one has gone from is asked nothing and told nothing", async (_, metadata) => {
  const server = createFakeServer();
  await server.enter([ANA, BEN], { room_features: metadata, ...metadata });
  begun(server.session);
  await vi.advanceTimersByTimeAsync(4 * 60_000);
  expect(server.asked.length).toBeGreaterThan(1);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(server.data).toHaveLength(1);

  server.session.dispose();
  server.asked.length = 0;
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  document.dispatchEvent(new Event("visibilitychange"));
  await flush();
  expect(server.asked).toEqual([]);
  expect(server.data).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(0);
});
