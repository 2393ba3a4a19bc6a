import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { id } from "../../../tests/fakes";
import type { Entry } from "../../session/chat";
import { LineMenu } from "./line-menu";
import type { LineActions } from "./use-line-actions";

afterEach(cleanup);

const LINE = { id: "m1", from: id("ben"), fromName: "Ben", html: "hello" } as Entry;

/** `rights` are asked for by whoever draws the items. */
function show(tabStop = true) {
  const actions = {
    rights: vi.fn(() => ({ reply: true, sign: true, edit: false, remove: false })),
    reply: vi.fn(),
  };
  render(<LineMenu entry={LINE} actions={actions as unknown as LineActions} tabStop={tabStop} />);
  return actions;
}

const button = () => screen.getByRole("button", { name: "Actions for the message of Ben" });
/** What the keys are at in the open menu. */
const active = () => document.querySelector("[role=menu] [data-focus]")?.getAttribute("aria-label");
const press = (detail: number) => act(async () => void fireEvent.click(button(), { detail }));
const PRESSES = [
  ["a key or a screen reader", 0, "Thumbs up"],
  ["a mouse or a finger", 1, undefined],
] as const;

test("a line has the button of its menu from the start, and no menu before it is opened", async () => {
  const { rights } = show();
  expect(button().tabIndex).toBe(0);
  expect(button().getAttribute("aria-haspopup")).toBe("menu");
  expect(button().getAttribute("aria-expanded")).toBe("false");

  act(() => button().focus());
  fireEvent.pointerEnter(button());
  expect(rights).not.toHaveBeenCalled();
  await press(1);
  expect(rights).toHaveBeenCalled();
});

test("only the button of the newest line is reached with Tab, also once its menu was opened", async () => {
  show(false);
  expect(button().tabIndex).toBe(-1);
  await press(1);
  fireEvent.keyDown(screen.getByRole("menu"), { key: "Escape" });
  expect(button().tabIndex).toBe(-1);
});

test.each(PRESSES)("%s opens the menu at once, and again after it was closed", async (...of) => {
  const [, detail, first] = of;
  show();
  await press(detail);
  expect(button().getAttribute("aria-expanded")).toBe("true");
  expect(document.activeElement).toBe(screen.getByRole("menu"));
  expect(active()).toBe(first);

  act(() => void fireEvent.keyDown(screen.getByRole("menu"), { key: "Escape" }));
  expect(screen.queryByRole("menu")).toBeNull();
  expect(document.activeElement).toBe(button());
  await press(detail);
  expect(screen.getByRole("menu")).toBeTruthy();
});

test("what is chosen in a menu that was just made is done", async () => {
  const { reply } = show();
  await press(0);
  fireEvent.click(screen.getByRole("menuitem", { name: "Reply" }));
  expect(reply).toHaveBeenCalledWith(LINE);
});
