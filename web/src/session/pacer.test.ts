import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createPacer } from "./pacer";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function paced(count: number, work: (number: number) => Promise<void> = async () => undefined) {
  const begun: number[] = [];
  const pace = createPacer({ burst: 3, everyMs: 250 }, Date.now);
  const all = Array.from({ length: count }, (_, number) =>
    pace(() => {
      begun.push(number);
      return work(number);
    }),
  );
  return { begun, all, pace };
}

test("a few go at once, the rest one after the other, and all in order", async () => {
  const { begun } = paced(6);

  await vi.advanceTimersByTimeAsync(0);
  expect(begun).toEqual([0, 1, 2]);
  await vi.advanceTimersByTimeAsync(250);
  expect(begun).toEqual([0, 1, 2, 3]);
  await vi.advanceTimersByTimeAsync(500);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
});

test("after a rest a few go at once again, and no more than before", async () => {
  const { begun, pace } = paced(3);
  await vi.advanceTimersByTimeAsync(60_000);

  for (const number of [3, 4, 5, 6]) void pace(async () => void begun.push(number));
  await vi.advanceTimersByTimeAsync(0);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
});

test("what takes long is waited for, and what fails says so and holds up nothing", async () => {
  let finish: (() => void) | undefined;
  const { begun, all } = paced(3, (number) => {
    if (number === 1) return Promise.reject(new Error("lost"));
    return number === 0 ? new Promise((resolve) => (finish = resolve)) : Promise.resolve();
  });
  const second = expect(all[1]).rejects.toThrow("lost");

  await vi.advanceTimersByTimeAsync(0);
  expect(begun).toEqual([0]);
  finish?.();
  await second;
  await all[2];
  expect(begun).toEqual([0, 1, 2]);
});

test("a clock that is set back holds up nothing for long", async () => {
  const { begun, pace } = paced(1);
  await vi.advanceTimersByTimeAsync(0);
  vi.setSystemTime(Date.now() - 3_600_000);

  void pace(async () => void begun.push(1));
  await vi.advanceTimersByTimeAsync(250);
  expect(begun).toEqual([0, 1]);
});
