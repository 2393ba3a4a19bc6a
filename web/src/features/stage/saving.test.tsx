import { act, cleanup, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ANA, BEN, CAT } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { Stage } from ".";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const track = (id: string) => ({ id, attach: () => () => undefined });

test("whoever saves data fetches no camera of others, and still sees their own", async () => {
  const { server, prefs, show } = await meeting([ANA, BEN, CAT]);
  server.engine.people({ ana: { camera: track("a") }, ben: { camera: track("b") } });
  const { container } = show(<Stage />);
  expect(container.querySelectorAll("video")).toHaveLength(2);

  act(() => prefs.change({ showCameras: false }));
  expect(container.querySelectorAll("video")).toHaveLength(1);
});

test("a shared screen that is not shown is said, with a way to see it", async () => {
  const { server, prefs, visit, show } = await meeting([ANA, BEN]);
  prefs.change({ showShares: false });
  show(<Stage />);
  act(() => server.engine.people({ ben: { screen: track("s") } }));
  expect(screen.queryByRole("figure", { name: "Screen of Ben" })).toBeNull();
  const [notice] = visit.session.notices.getSnapshot();
  expect(notice?.text).toEqual({ key: "notice.shareHidden", values: { name: "Ben" } });

  act(() => notice?.action?.run());
  expect(screen.getByRole("figure", { name: "Screen of Ben" })).toBeTruthy();
  expect(visit.session.notices.getSnapshot()).toEqual([]);
});

test("a page of the stage holds no more people than wished for", async () => {
  const people = ["dan", "eve", "fay"].map((id) => ({ id, name: id, joinedAt: 40 }));
  const { prefs, show } = await meeting([ANA, BEN, CAT, ...people]);
  const { container } = show(<Stage />);
  const tiles = () => container.querySelectorAll(".tile").length;
  expect(tiles()).toBe(6);

  act(() => prefs.change({ tilesPerPage: 4 }));
  expect(tiles()).toBe(4);
});

test("voices and what is shared have a volume each, on top of what one person has", async () => {
  const { server, prefs, visit, show } = await meeting([ANA, BEN]);
  server.engine.people({ ben: { sound: track("b"), screenSound: track("s") } });
  const { container } = show(<Stage />);
  act(() => {
    prefs.change({ volume: 0.5, shareVolume: 0.25 });
    visit.ui.setVolume("ben" as never, 0.5);
  });
  const volumes = [...container.querySelectorAll("audio")].map(({ volume }) => volume);
  expect(volumes).toEqual([0.25, 0.125]);
});

test.each([
  ["a desk", [], 12],
  ["a tablet", ["(pointer: coarse)"], 9],
  ["a phone", ["(pointer: coarse)", "(max-width: 599px), (max-height: 599px)"], 6],
])("on %s a page holds no more people than it can draw", async (_, matching, most) => {
  vi.stubGlobal("matchMedia", (media: string) => ({
    matches: matching.includes(media),
    media,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }));
  const people = Array.from({ length: 11 }, (__, at) => ({
    id: `p${at}`,
    name: `P${at}`,
    joinedAt: 40 + at,
  }));
  const { prefs, show } = await meeting([ANA, ...people]);
  const { container } = show(<Stage />);
  const tiles = () => container.querySelectorAll(".tile").length;
  expect(tiles()).toBe(most);

  // Whoever wishes for more has more.
  act(() => prefs.change({ tilesPerPage: 16 }));
  expect(tiles()).toBe(12);
});

test("whoever speaks on another page comes to the first one, unless that is switched off", async () => {
  const people = ["dan", "eve", "fay"].map((id) => ({ id, name: id, joinedAt: 40 }));
  const { server, prefs, show } = await meeting([ANA, BEN, CAT, ...people]);
  prefs.change({ tilesPerPage: 4, speakersForward: false });
  show(<Stage />);
  const speak = (who: string) =>
    act(() => {
      server.engine.people({ [who]: { microphone: "live" } });
      server.engine.speaking(who);
    });
  const sees = (name: string) => screen.queryByRole("figure", { name }) !== null;
  speak("fay");
  expect(sees("fay")).toBe(false);

  act(() => prefs.change({ speakersForward: true }));
  expect([sees("fay"), sees("dan"), sees("Ben")]).toEqual([true, false, true]);
  speak("eve");
  expect(sees("eve")).toBe(false);
});
