import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ANA, BEN, flush } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { MediaFullError } from "../../session/media-full";
import { ConnectionState } from "../header/connection-state";
import { Notices } from "../notices";
import { PeoplePanel } from "../people";
import { Stage } from "../stage";
import { MediaBanner } from "./media-banner";
import { useStuckDevices } from "./use-stuck-devices";

afterEach(cleanup);

const nothing = () => undefined;

test("a server at its limit is said as that, and tried again by itself", async () => {
  const access = vi.fn();
  const { server, show } = await meeting([ANA, BEN]);
  show(<MediaBanner />);
  server.engine.failNext = new MediaFullError();
  await act(async () => {
    await server.session.media
      .connect(
        { url: "", token: "", iceServers: [], relayOnly: false, relayAfter: null },
        { microphone: null, camera: null, speaker: null },
      )
      .catch(access);
  });
  expect(access).toHaveBeenCalledOnce();
  expect(screen.getByText("The server is at its limit. Trying again…")).toBeTruthy();
  act(() => server.engine.handlers?.onStatus("connecting"));
  expect(screen.getByText("The server is at its limit. Trying again…")).toBeTruthy();
  act(() => server.engine.handlers?.onStatus("connected"));
  expect(screen.queryByText("The server is at its limit. Trying again…")).toBeNull();
});

test("a device of mine that gives nothing is said with what to do, for as long as it is so", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  function Watching() {
    useStuckDevices();
    return <Notices />;
  }
  show(<Watching />);
  const stuck = (camera: "still" | "muted" | null) =>
    act(() => server.engine.handlers?.onStuck({ microphone: null, camera }));
  stuck("still");
  expect(screen.getByText(/Your camera gives no picture/u)).toBeTruthy();
  stuck("muted");
  expect(screen.queryByText(/Your camera gives no picture/u)).toBeNull();
  expect(screen.getByText(/holds your camera back/u)).toBeTruthy();

  fireEvent.click(screen.getByRole("button", { name: "Choose another" }));
  expect(visit.ui.getSnapshot().dialog).toBe("settings");
  stuck(null);
  stuck("still");
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await act(flush);
  expect(server.engine.calls).toContain("reopen camera");
  stuck("muted");
  stuck(null);
  expect(screen.queryByText(/holds your camera back/u)).toBeNull();
});

test("a picture that does not come is said as that, on the tile and in the list, and not as a weak line", async () => {
  const { server, show } = await meeting([ANA, BEN]);
  show(
    <>
      <ConnectionState />
      <Stage />
      <PeoplePanel />
    </>,
  );
  const camera = { id: "c", attach: () => nothing };
  const weak = (is: boolean) => {
    const media = { camera, quality: "poor", missing: { camera: is, screen: false } } as const;
    act(() => server.engine.people({ ana: media, ben: media }));
  };
  weak(true);
  expect(screen.getAllByText("No picture arrives")).toHaveLength(2);
  expect(screen.getAllByText(/, No picture arrives/u)).toHaveLength(2);
  expect(screen.queryByText(/weak/iu)).toBeNull();

  weak(false);
  expect(screen.queryByText(/No picture arrives/u)).toBeNull();
  expect(screen.getAllByText(/weak/iu).length).toBeGreaterThan(4);
});

test("a picture that does not arrive is said on its tile, and nothing once it does", async () => {
  const { server, show } = await meeting([ANA, BEN]);
  show(<Stage />);
  const camera = { id: "c", attach: () => nothing };
  const missing = (is: boolean) =>
    act(() =>
      server.engine.people({ ben: { camera, missing: { camera: is, screen: false } }, ana: {} }),
    );
  missing(true);
  expect(screen.getByText("No picture arrives")).toBeTruthy();
  missing(false);
  expect(screen.queryByText("No picture arrives")).toBeNull();
});
