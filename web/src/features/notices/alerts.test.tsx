import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ANA, BEN, CAT, flush } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { NoticesButton, useAlerts } from ".";

const heard: number[][] = [];
const told: { title: string; body: string | undefined }[] = [];
let permission: NotificationPermission = "granted";

vi.mock("../../kit/tones", () => ({
  playTones: async ({ frequencies }: { frequencies: number[] }) => void heard.push(frequencies),
}));

beforeEach(() => {
  heard.length = 0;
  told.length = 0;
  permission = "granted";
  vi.stubGlobal(
    "Notification",
    class extends EventTarget {
      static get permission() {
        return permission;
      }
      static requestPermission = async () => permission;
      constructor(title: string, { body }: NotificationOptions = {}) {
        super();
        told.push({ title, body });
      }
      close() {}
    },
  );
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function Alerts() {
  useAlerts();
  return null;
}

test("a host hears each raised hand once, and attendees hear none", async () => {
  const host = await meeting([ANA, BEN, CAT]);
  host.show(<Alerts />);
  act(() => host.server.changed({ ...BEN, hand: 5 }));
  act(() => host.server.changed({ ...CAT, hand: 6 }));
  act(() => host.visit.session.notices.show({ group: "hand", text: { plain: "again" } }));
  expect(heard).toHaveLength(2);
  cleanup();

  const attendee = await meeting([{ ...ANA, admin: false }, BEN]);
  attendee.show(<Alerts />);
  act(() => attendee.server.changed({ ...BEN, hand: 5 }));
  expect(heard).toHaveLength(2);
});

test("nothing is heard by whoever wants it quiet", async () => {
  const { server, prefs, show } = await meeting([ANA, BEN]);
  prefs.change({ sounds: false });
  show(<Alerts />);

  act(() => server.joined({ ...CAT, waiting: true }));

  expect(heard).toEqual([]);
});

test("the system says it only while the page is out of sight, and only where wished for", async () => {
  const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  const { server, prefs, show } = await meeting([ANA, BEN]);
  document.title = "Weekly";
  show(<Alerts />);

  act(() => server.changed({ ...BEN, hand: 5 }));
  expect(told).toEqual([]);
  prefs.change({ desktopNotices: true });
  act(() => server.joined({ ...CAT, waiting: true }));
  expect(told).toEqual([{ title: "Weekly", body: "Cat is waiting to be let in" }]);
  hidden.mockReturnValue(false);
  act(() => server.joined({ id: "dan", name: "Dan", waiting: true }));
  expect(told).toHaveLength(1);
});

test("the browser is asked where missed notices are read, and never before", async () => {
  permission = "default";
  const { prefs, show } = await meeting([ANA]);
  const asked = vi.spyOn(Notification, "requestPermission").mockResolvedValue("granted");
  show(<NoticesButton />);
  fireEvent.click(screen.getByRole("button", { name: "Notifications" }));
  const offer = await screen.findByRole("button", { name: "Turn on" });
  expect(asked).not.toHaveBeenCalled();

  fireEvent.click(offer);
  await act(flush);

  expect(asked).toHaveBeenCalledOnce();
  expect(prefs.getSnapshot().desktopNotices).toBe(true);
  expect(screen.queryByRole("button", { name: "Turn on" })).toBeNull();
});

test("a browser that refuses is not asked again, and says where to change it", async () => {
  permission = "default";
  const { prefs, show } = await meeting([ANA]);
  vi.spyOn(Notification, "requestPermission").mockResolvedValue("denied");
  show(<NoticesButton />);
  fireEvent.click(screen.getByRole("button", { name: "Notifications" }));

  fireEvent.click(await screen.findByRole("button", { name: "Turn on" }));
  await act(flush);

  expect(prefs.getSnapshot().desktopNotices).toBe(false);
  expect(screen.getByText(/Your browser does not allow it/u)).toBeTruthy();
});
