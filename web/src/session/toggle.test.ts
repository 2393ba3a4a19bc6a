import { expect, test, vi } from "vitest";
import { flush } from "../../tests/fakes";
import { createGate } from "./gate";
import { createToggle } from "./toggle";

function slow(gate = createGate(), onlyOn = createGate()) {
  gate.open();
  onlyOn.open();
  const calls: boolean[] = [];
  const waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  const onFailure = vi.fn<(error: unknown, wanted: boolean) => void>();
  const toggle = createToggle(
    (on) => {
      calls.push(on);
      return new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }));
    },
    onFailure,
    { any: gate, on: onlyOn },
  );
  return { gate, onlyOn, toggle, calls, waiting, onFailure };
}

test("intent shows at once and is pending until it is true", async () => {
  const { toggle, waiting } = slow();
  toggle.want(true);
  expect(toggle.getSnapshot()).toEqual({ on: true, pending: true });
  waiting[0]?.resolve();
  await flush();
  expect(toggle.getSnapshot()).toEqual({ on: true, pending: false });
});

test("five quick presses make one change at a time and the last wish wins", async () => {
  const { toggle, calls, waiting } = slow();
  for (const on of [true, false, true, false, true]) toggle.want(on);
  expect(calls).toEqual([true]);
  waiting[0]?.resolve();
  await flush();
  expect(calls).toEqual([true]);
  expect(toggle.getSnapshot()).toEqual({ on: true, pending: false });
});

test("a change of mind while it runs is carried out afterwards", async () => {
  const { toggle, calls, waiting } = slow();
  toggle.want(true);
  toggle.want(false);
  waiting[0]?.resolve();
  await flush();
  expect(calls).toEqual([true, false]);
  waiting[1]?.resolve();
  await flush();
  expect(toggle.getSnapshot()).toEqual({ on: false, pending: false });
});

test("a failure goes back to what is and is told once", async () => {
  const { toggle, waiting, onFailure } = slow();
  toggle.want(true);
  waiting[0]?.reject(new Error("no device"));
  await flush();
  expect(toggle.getSnapshot()).toEqual({ on: false, pending: false });
  expect(onFailure).toHaveBeenCalledTimes(1);
});

test("what the world does by itself is shown without being done again", () => {
  const { toggle, calls } = slow();
  toggle.happened(true);
  expect(toggle.getSnapshot()).toEqual({ on: true, pending: false });
  toggle.want(true);
  expect(calls).toEqual([]);
});

test("wishes wait for the gate, and only the last one is carried out", async () => {
  const { gate, toggle, calls, waiting } = slow();
  gate.shut();
  toggle.want(true);
  toggle.want(false);
  toggle.want(true);
  await flush();
  expect(calls).toEqual([]);
  expect(toggle.getSnapshot()).toEqual({ on: true, pending: true });
  gate.open();
  await flush();
  waiting[0]?.resolve();
  await flush();
  expect(calls).toEqual([true]);
  expect(toggle.getSnapshot()).toEqual({ on: true, pending: false });
});

test("whoever changes their mind before the gate opens is never switched on", async () => {
  const { gate, toggle, calls } = slow();
  gate.shut();
  toggle.want(true);
  toggle.want(false);
  gate.open();
  await flush();
  expect(calls).toEqual([]);
  expect(toggle.getSnapshot()).toEqual({ on: false, pending: false });
});

test("what was undone is done again, also what was under way", async () => {
  const { toggle, calls, waiting, onFailure } = slow();
  toggle.want(true);
  toggle.undone();
  waiting[0]?.reject(new Error("no connection any more"));
  await flush();
  waiting[1]?.resolve();
  await flush();
  toggle.undone();
  expect(toggle.getSnapshot()).toEqual({ on: true, pending: true });
  waiting[2]?.resolve();
  await flush();
  expect(calls).toEqual([true, true, true]);
  expect(toggle.getSnapshot()).toEqual({ on: true, pending: false });
  expect(onFailure).not.toHaveBeenCalled();
});

test("what is off and wished off stays so when everything is undone", () => {
  const { toggle, calls } = slow();
  toggle.undone();
  expect(calls).toEqual([]);
  expect(toggle.getSnapshot()).toEqual({ on: false, pending: false });
});

test("where nothing can be switched on, off goes through, and on waits for as long as it is wished", async () => {
  const { onlyOn, toggle, calls, waiting } = slow();
  toggle.want(true);
  waiting[0]?.resolve();
  await flush();
  onlyOn.shut();

  toggle.want(false);
  expect(calls).toEqual([true, false]);
  waiting[1]?.resolve();
  await flush();
  toggle.want(true);
  toggle.want(false);
  toggle.want(true);
  await flush();
  expect(calls).toEqual([true, false]);
  expect(toggle.getSnapshot()).toEqual({ on: true, pending: true });
  toggle.want(false);
  onlyOn.open();
  await flush();
  expect(calls).toEqual([true, false]);
  expect(toggle.getSnapshot()).toEqual({ on: false, pending: false });
});
