import { cleanup, render, screen, waitFor } from "@testing-library/react";
import { Suspense, useEffect } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { prefetched } from "./prefetched";

afterEach(cleanup);

function part() {
  const begun = vi.fn<() => void>();
  const Words = () => {
    useEffect(() => begun(), []);
    return <p>here</p>;
  };
  return { begun, ...prefetched(async () => ({ default: Words })) };
}

test("what was fetched ahead of time is there without a moment of waiting", async () => {
  const { Part, fetch } = part();
  await fetch();
  render(
    <Suspense fallback={<p>waiting</p>}>
      <Part />
    </Suspense>,
  );
  expect(screen.getByText("here")).toBeTruthy();
});

test("what was not fetched is waited for, and does not begin anew when it is drawn again", async () => {
  const { Part, begun } = part();
  const all = (
    <Suspense fallback={<p>waiting</p>}>
      <Part />
    </Suspense>
  );
  const { rerender } = render(all);
  expect(screen.getByText("waiting")).toBeTruthy();
  await waitFor(() => screen.getByText("here"));
  rerender(<Suspense fallback={<p>waiting</p>}>{<Part />}</Suspense>);
  expect(screen.getByText("here")).toBeTruthy();
  expect(begun).toHaveBeenCalledTimes(1);
});
