import { act, cleanup, render } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { flush } from "../../../tests/fakes";
import { useWakeLock } from "./use-wake-lock";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function Held() {
  useWakeLock();
  return null;
}

async function held(coarse: boolean) {
  const release = vi.fn(async () => undefined);
  const request = vi.fn(async () => ({ release }));
  vi.stubGlobal("navigator", { wakeLock: { request } });
  vi.spyOn(window, "matchMedia").mockReturnValue({ matches: coarse } as MediaQueryList);
  const { unmount } = render(<Held />);
  await act(flush);
  return { request, release, unmount };
}

test("a phone stays awake in a meeting, again after it was looked away from, and no longer", async () => {
  const { request, release, unmount } = await held(true);
  expect(request).toHaveBeenCalledOnce();

  document.dispatchEvent(new Event("visibilitychange"));
  await act(flush);
  expect(request).toHaveBeenCalledTimes(2);
  unmount();
  await act(flush);
  expect(release).toHaveBeenCalledTimes(2);
});

test("a computer may do as its owner set it up", async () => {
  expect((await held(false)).request).not.toHaveBeenCalled();
});
