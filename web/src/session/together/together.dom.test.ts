import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ANA, BEN, createFakeServer, flush } from "../../../tests/fakes";
import { together } from ".";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test.each([
  ["main", { breakout_room_features: { is_active: true } }],
  ["breakout", { is_breakout_room: true, parent_room_id: "main" }],
])("a %s room one has gone from is asked nothing and told nothing", async (_, metadata) => {
  const server = createFakeServer();
  await server.enter([ANA, BEN], { room_features: metadata, ...metadata });
  together(server.session);
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
