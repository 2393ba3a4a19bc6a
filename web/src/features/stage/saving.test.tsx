import { act, cleanup, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ANA, BEN, CAT } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { Stage } from ".";

afterEach(cleanup);

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
