import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ANA, flush } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { DeviceSelect } from "./device-select";

let cameras: string[] = [];

beforeEach(() => {
  cameras = ["one", "two"];
  vi.stubGlobal("navigator", {
    userAgent: navigator.userAgent,
    mediaDevices: {
      enumerateDevices: async () =>
        cameras.map((deviceId) => ({ kind: "videoinput", deviceId, label: deviceId, groupId: "" })),
      addEventListener: () => undefined,
    },
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("while the chosen camera is away, the one that is left can be chosen", async () => {
  const { server, visit, prefs, show } = await meeting([ANA]);
  prefs.change({ camera: "two" });
  show(<DeviceSelect kind="videoinput" />);
  await act(flush);
  const select = () => screen.getByRole<HTMLSelectElement>("combobox", { name: "Camera" });
  const shown = () => [...select().options].map(({ text }) => text);
  expect([select().value, shown()]).toEqual(["two", ["one", "two"]]);

  cameras = ["one"];
  await act(() => visit.devices.refresh());
  expect([select().value, shown()]).toEqual(["", ["System default", "one"]]);
  fireEvent.change(select(), { target: { value: "" } });
  expect(prefs.getSnapshot().camera).toBe("two");

  fireEvent.change(select(), { target: { value: "one" } });
  await act(flush);
  expect(server.engine.calls).toContain("device videoinput one");
  expect([select().value, shown()]).toEqual(["one", ["one"]]);
});

test("the camera really in use is named, and the one that is back is offered and can be chosen", async () => {
  const { server, visit, prefs, show } = await meeting([ANA]);
  const use = (videoinput: string) =>
    server.engine.handlers?.onInUse({ audioinput: null, videoinput, audiooutput: null });
  const notices = () => visit.session.notices.getSnapshot();
  prefs.change({ camera: "two" });
  show(<DeviceSelect kind="videoinput" />);
  await act(flush);
  const select = () => screen.getByRole<HTMLSelectElement>("combobox", { name: "Camera" });
  cameras = ["one"];
  await act(() => visit.devices.refresh());
  act(() => use("one"));
  expect([select().value, select().options.length]).toEqual(["one", 1]);

  cameras = ["one", "two"];
  await act(() => visit.devices.refresh());
  expect(select().value).toBe("one");
  expect(notices()).toMatchObject([
    { text: { key: "notice.back", values: { device: "two" } }, action: { key: "notice.useAgain" } },
  ]);
  notices()[0]?.action?.run();
  await act(flush);
  expect(server.engine.calls).toContain("device videoinput two");

  act(() => use("two"));
  expect(select().value).toBe("two");
  visit.session.notices.dismissGroup("back-videoinput");
  cameras = ["two"];
  await act(() => visit.devices.refresh());
  cameras = ["one", "two"];
  await act(() => visit.devices.refresh());
  expect(notices()).toEqual([]);
});

test("a camera that cannot be opened is not remembered, and it is said so", async () => {
  const { server, visit, prefs, show } = await meeting([ANA]);
  prefs.change({ camera: "one" });
  show(<DeviceSelect kind="videoinput" />);
  await act(flush);
  const select = () => screen.getByRole<HTMLSelectElement>("combobox", { name: "Camera" });
  server.engine.failNext = new Error("busy");
  fireEvent.change(select(), { target: { value: "two" } });
  expect(select().value).toBe("two");
  await act(flush);
  expect([select().value, prefs.getSnapshot().camera]).toEqual(["one", "one"]);
  expect(visit.session.notices.getSnapshot()).toMatchObject([
    { text: { key: "notice.switch.camera" } },
  ]);
});

test("where there is no camera, nothing can be chosen", async () => {
  cameras = [];
  const { prefs, show } = await meeting([ANA]);
  prefs.change({ camera: "two" });
  show(<DeviceSelect kind="videoinput" />);
  await act(flush);
  expect(screen.getByRole("combobox", { name: "Camera" }).hasAttribute("disabled")).toBe(true);
});
