import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ANA, BEN, CAT, flush } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import "../../kit/base.css";
import { Notices } from "../notices";
import type { VisitValue } from "../visit/context";
import Dialogs from "../visit/dialogs";
import { Stage } from ".";

afterEach(cleanup);

let given = false;
beforeEach(() => {
  given = false;
  const page = document.documentElement;
  const become = (full: boolean) => {
    given = full;
    document.dispatchEvent(new Event("fullscreenchange"));
  };
  Object.defineProperties(document, {
    fullscreenElement: { configurable: true, get: () => (given ? page : null) },
    exitFullscreen: { configurable: true, value: async () => become(false) },
  });
  Object.defineProperty(page, "requestFullscreen", {
    configurable: true,
    value: async () => become(true),
  });
});

async function onFullScreen() {
  const { server, show, visit } = await meeting([ANA, BEN, CAT]);
  const shown = show(
    <div className="meeting">
      <Stage />
      <Notices />
      <Dialogs />
    </div>,
  );
  act(() => server.engine.people({ ben: { camera: { id: "b", attach: () => () => undefined } } }));
  const tile = screen.getByRole("figure", { name: "Ben" });
  fireEvent.click(screen.getByRole("button", { name: "Show Ben on the full screen" }));
  await act(flush);
  return { server, visit, shown, isFilled: () => tile.dataset["filled"] === "true" };
}

test("the screen is filled by the page, so that what is said above the tile is seen, and left as the browser does", async () => {
  const { server, isFilled } = await onFullScreen();
  expect([given, isFilled()]).toEqual([true, true]);

  fireEvent.click(screen.getByRole("button", { name: "Muted, Unmute" }));
  await act(flush);
  expect(server.engine.calls).toContain("microphone true");
  expect(screen.getByRole("button", { name: "Mic on, Mute" })).toBeTruthy();

  await act(() => document.exitFullscreen());
  expect(isFilled()).toBe(false);
  expect(screen.queryByRole("button", { name: "Mic on, Mute" })).toBeNull();
});

test.each([
  [
    "by its button",
    () => fireEvent.click(screen.getByRole("button", { name: "Leave full screen" })),
  ],
  ["by the key for it", () => fireEvent.keyDown(window, { key: "Escape" })],
  ["by opening a panel", ({ ui }: VisitValue) => act(() => ui.showPanel("chat"))],
])("the full screen is left %s", async (_, how) => {
  const { visit, isFilled } = await onFullScreen();
  how(visit);
  await act(flush);
  expect([given, isFilled()]).toEqual([false, false]);
});

test("a key that closes a dialog does not leave the full screen as well", async () => {
  const { visit, isFilled } = await onFullScreen();
  act(() => visit.ui.showDialog("settings"));
  fireEvent.keyDown(window, { key: "Escape" });
  await act(flush);
  expect([given, isFilled()]).toEqual([true, true]);
});

test("what fills the screen is below what is said and asked", async () => {
  const { visit } = await onFullScreen();
  act(() => visit.ui.showDialog("settings"));
  const heightOf = (element: Element | null) => Number(element && getComputedStyle(element).zIndex);
  const heights = [
    heightOf(screen.getByRole("figure", { name: "Ben" })),
    heightOf(screen.getByRole("list", { name: "Notices" })),
    heightOf((await screen.findByRole("dialog")).closest(".dialog-root")),
  ];
  expect(new Set(heights).size).toBe(heights.length);
  expect(heights).toEqual(heights.toSorted((one, other) => one - other));
});

test("the full screen ends with what filled it", async () => {
  const { shown } = await onFullScreen();
  shown.unmount();
  await act(flush);
  expect(given).toBe(false);
});

test("a tile that fills the window of a phone can be left, also after its camera went off", async () => {
  const { server, show } = await meeting([ANA, BEN, CAT]);
  show(<Stage />);
  act(() => server.engine.people({ ben: { camera: { id: "b", attach: () => () => undefined } } }));
  const tile = screen.getByRole("figure", { name: "Ben" });
  // As on an iPhone, which keeps it for its own video player.
  Object.defineProperty(document.documentElement, "requestFullscreen", {
    configurable: true,
    value: undefined,
  });
  fireEvent.click(screen.getByRole("button", { name: "Show Ben on the full screen" }));
  expect(tile.dataset["filled"]).toBe("true");

  act(() => server.engine.people({ ben: {} }));
  fireEvent.click(screen.getByRole("button", { name: "Leave full screen" }));

  expect(tile.dataset["filled"]).toBe("false");
  expect(screen.queryByRole("button", { name: /full screen/iu })).toBeNull();
});
