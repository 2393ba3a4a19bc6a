import { cleanup, render, screen, waitFor } from "@testing-library/react";
import { Suspense, useEffect } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { prefetched, type Prefetched } from "./prefetched";

afterEach(cleanup);

function part() {
  const begun = vi.fn<() => void>();
  const drawn = vi.fn<() => void>();
  const Words = () => {
    drawn();
    useEffect(() => begun(), []);
    return <p>here</p>;
  };
  const load = vi.fn(async () => ({ default: Words }));
  return { begun, drawn, load, ...prefetched(load) };
}

const waitingFor = ({ Part }: Prefetched) => (
  <Suspense fallback={<p>waiting</p>}>
    <Part />
  </Suspense>
);

test("what was fetched ahead of time is there without a moment of waiting", async () => {
  const it = part();
  await it.fetch();
  render(waitingFor(it));
  expect(screen.getByText("here")).toBeTruthy();
});

test("what was not fetched is waited for, and does not begin anew when its surroundings change", async () => {
  const it = part();
  const { rerender } = render(waitingFor(it));
  expect(screen.getByText("waiting")).toBeTruthy();
  await waitFor(() => screen.getByText("here"));
  const before = it.drawn.mock.calls.length;
  rerender(waitingFor(it));
  expect(it.begun).toHaveBeenCalledTimes(1);
  expect(it.drawn).toHaveBeenCalledTimes(before);
});

test("what could not be fetched ahead of time is asked for again when it is needed", async () => {
  const it = part();
  it.load.mockRejectedValueOnce(new Error("offline"));
  await expect(it.fetch()).rejects.toThrow("offline");
  render(waitingFor(it));
  await waitFor(() => screen.getByText("here"));
});
