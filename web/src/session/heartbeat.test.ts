import "../../tests/bare-page";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createHeartbeat } from "./heartbeat";
import type { Link, LinkStatus } from "./link";
import { createStore } from "./store";

/** A heartbeat over a line that answers, is silent or refuses, to a server that others reach or do not. */
function beating({ roundTrip, reachable }: Pick<Link, "roundTrip"> & { reachable: boolean }) {
  const redial = vi.fn();
  const status = createStore<LinkStatus>("open");
  const link = { status, roundTrip, redial, sendNow: () => undefined } as unknown as Link;
  const heart = createHeartbeat({
    phase: createStore({ at: "meeting" } as const),
    line: createStore("good"),
    room: createStore(null),
    notices: { show: () => 0 },
    link: () => link,
    token: () => "",
    listed: () => false,
    serverNow: Date.now,
    reachable: () => Promise.resolve(reachable),
    send: () => undefined,
    end: () => undefined,
  });
  heart.start();
  return { redial, status, heart };
}

const NEVER = () => new Promise<number>(() => undefined);

describe("a line that is asked whether it is there", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  test("is dialled again when it is silent and the server answers otherwise", async () => {
    const { redial, heart } = beating({ roundTrip: NEVER, reachable: true });
    await vi.advanceTimersByTimeAsync(8_900);
    expect(redial).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(200);
    expect(redial).toHaveBeenCalledOnce();
    heart.stop();
  });

  test.each([
    ["answers", { roundTrip: () => Promise.resolve(20), reachable: true }],
    ["is down already", { roundTrip: () => Promise.reject(new Error("down")), reachable: true }],
    ["is silent like everything else", { roundTrip: NEVER, reachable: false }],
  ])("is left alone when it %s", async (_, line) => {
    const { redial, heart } = beating(line);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(redial).not.toHaveBeenCalled();
    heart.stop();
  });

  test("is not asked while it is being dialled", async () => {
    const roundTrip = vi.fn(NEVER);
    const { status, heart } = beating({ roundTrip, reachable: true });
    status.set("down");
    await vi.advanceTimersByTimeAsync(20_000);
    expect(roundTrip).not.toHaveBeenCalled();
    heart.stop();
  });
});
