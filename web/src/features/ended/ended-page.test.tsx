import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { END_CODES, endTone, mayRejoin } from "../../session/errors";
import { EndedPage } from "./ended-page";

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const nothing = () => undefined;
const page = (code: (typeof END_CODES)[number], logoutUrl: string | null = null) =>
  render(
    <EndedPage
      reason={{ code, detail: "" }}
      logoutUrl={logoutUrl}
      onRejoin={nothing}
      onHome={nothing}
    />,
  );

test.each(END_CODES)("%s has its own words, tone and ways on", (code) => {
  const { container } = page(code);
  const reason = { code, detail: "" };
  expect(screen.getByRole("heading").textContent).not.toBe("");
  expect(container.querySelector(".ended-icon")?.getAttribute("data-tone")).toBe(endTone(reason));
  expect(screen.queryByRole("button", { name: "Join again" }) !== null).toBe(mayRejoin(reason));
});

test("being removed or failing is not shown as a success", () => {
  for (const code of ["removed", "rejected", "blocked", "network", "other"] as const) {
    expect(endTone({ code, detail: "" })).toBe("problem");
  }
});

test("whoever stays is no longer told that the page will move on", () => {
  page("left", "https://school.example/after");
  expect(screen.getByRole("link").textContent).toBe("You will be taken to school.example.");
  fireEvent.click(screen.getByRole("button", { name: "Stay here" }));
  expect(screen.getByRole("link").textContent).toBe("Continue to school.example");
});
