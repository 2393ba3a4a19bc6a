import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ANA, flush } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { Notices } from "../notices";
import { BackgroundControl } from "./background-control";
import { BackgroundRow } from "./background-row";
import Chooser from "./chooser";
import { followBackground } from "./follow";

const support = vi.hoisted(() => ({ can: true }));
vi.mock("../../session/background/support", () => ({
  canHaveBackground: () => support.can,
  hasFrameStreams: () => false,
}));

afterEach(() => {
  cleanup();
  support.can = true;
});

const radio = (name: string) => screen.getByRole<HTMLInputElement>("radio", { name });
const NO_BACKGROUNDS = { room_features: { allow_virtual_bg: false } };

test("what is chosen is checked, remembered and drawn", async () => {
  const { server, visit, prefs, show } = await meeting([ANA]);
  followBackground(visit.session, prefs);
  show(<Chooser />);
  expect(radio("None").checked).toBe(true);
  fireEvent.click(radio("Strong blur"));
  await act(flush);
  fireEvent.click(radio("Dusk"));
  await act(flush);
  expect(radio("Dusk").checked).toBe(true);
  expect(prefs.getSnapshot().background).toEqual({ kind: "picture", id: "dusk" });
  expect(server.engine.calls.filter((call) => call.startsWith("background"))).toEqual([
    "background blur",
    "background picture",
  ]);
  fireEvent.click(screen.getByRole("checkbox", { name: /Save power/u }));
  await act(flush);
  expect(server.engine.calls.at(-1)).toBe("background picture saving");
});

test("pictures of the operator are offered besides those that come with the client", async () => {
  const address = `/backgrounds/${"0a".repeat(16)}.jpg`;
  const answer = { pictures: [{ label: "Our hall", address }] };
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify(answer)));
  const { prefs, show } = await meeting([ANA]);
  show(<Chooser />);
  await act(flush);
  expect(radio("Dusk")).toBeTruthy();
  fireEvent.click(radio("Our hall"));
  expect(prefs.getSnapshot().background).toEqual({ kind: "picture", id: address });
  vi.unstubAllGlobals();
});

test("a meeting without backgrounds offers none, and says so to whoever relies on one", async () => {
  const { server, visit, prefs, show } = await meeting([ANA], NO_BACKGROUNDS);
  followBackground(visit.session, prefs);
  const { container } = show(
    <>
      <BackgroundControl />
      <BackgroundRow />
    </>,
  );
  expect(container.textContent).toBe("");
  act(() => prefs.change({ background: { kind: "blur", strong: false } }));
  expect(screen.getByText(/shows cameras as they are/u)).toBeTruthy();
  expect(screen.queryByRole("button")).toBeNull();
  await act(flush);
  expect(server.engine.calls.filter((call) => call.startsWith("background"))).toEqual([]);
});

test("where the camera is locked there is nothing to choose", async () => {
  const { show } = await meeting([{ ...ANA, admin: false }], {
    default_lock_settings: { lock_webcam: true },
  });
  const { container } = show(<BackgroundControl />);
  expect(container.textContent).toBe("");
});

test("a browser that cannot draw says so", async () => {
  support.can = false;
  const { show } = await meeting([ANA]);
  show(<BackgroundControl />);
  expect(screen.getByText("This browser cannot change what is behind you.")).toBeTruthy();
  expect(screen.queryByRole("button")).toBeNull();
});

test("a picture of another meeting is a strong blur here, and says so", async () => {
  const { visit, prefs, server, show } = await meeting([ANA]);
  prefs.change({ background: { kind: "own", address: "/download/x", session: "other" } });
  followBackground(visit.session, prefs);
  show(
    <>
      <BackgroundControl />
      <Chooser />
    </>,
  );
  await act(flush);
  expect(screen.getByText(/kept with another meeting/u)).toBeTruthy();
  expect(radio("Strong blur").checked).toBe(true);
  expect(server.engine.calls.at(-1)).toBe("background blur");
});

test("when drawing ends the camera goes off, and it is said why", async () => {
  const { server, visit, prefs, show } = await meeting([ANA]);
  followBackground(visit.session, prefs);
  prefs.change({ background: { kind: "blur", strong: false } });
  show(<Notices />);
  visit.session.media.camera.want(true);
  await act(flush);
  act(() => server.engine.handlers?.onBackground("failed"));
  await act(flush);
  expect(server.engine.calls.at(-1)).toBe("camera false");
  expect(screen.getByText(/so your camera was turned off/u)).toBeTruthy();
});

test("a camera that cannot be drawn on stays off, for the reason that counts", async () => {
  const { server, visit, show } = await meeting([ANA]);
  show(<Notices />);
  server.engine.failNext = Object.assign(new Error("no worker"), { name: "BackgroundError" });
  visit.session.media.camera.want(true);
  await act(flush);
  expect(visit.session.media.camera.getSnapshot().on).toBe(false);
  expect(screen.getByText(/so your camera was turned off/u)).toBeTruthy();
});

test("a device that is too slow is told what to do", async () => {
  const take = vi.fn();
  let taken = false;
  const lighter = { taken: () => taken, take };
  const { server, show } = await meeting([ANA], undefined, { lighter });
  show(<Notices />);
  act(() => server.engine.handlers?.onBackground("slow"));
  expect(screen.getByText(/hardly keeps up with your background/u)).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "Save power" }));
  expect(take).toHaveBeenCalledTimes(1);

  taken = true;
  act(() => server.engine.handlers?.onBackground("slow"));
  expect(screen.queryByRole("button", { name: "Save power" })).toBeNull();
});
