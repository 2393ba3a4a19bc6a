import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { useBox } from "./use-box";

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

test("the size is there with the first picture, before any observer speaks", () => {
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(new DOMRect(0, 0, 640, 360));
  const sizes: string[] = [];
  const Sized = () => {
    const [ref, { width, height }] = useBox();
    sizes.push(`${width} × ${height}`);
    return (
      <p ref={ref}>
        {width} × {height}
      </p>
    );
  };
  render(<Sized />);
  expect(screen.getByText("640 × 360")).toBeTruthy();
  expect(sizes).toEqual(["0 × 0", "640 × 360"]);
});
