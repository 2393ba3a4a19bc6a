import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ANA, BEN, CAT, flush } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { AlertSettings } from "../settings/alert-settings";
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

test("each kind of thing has a sound of its own, which can be switched off and on", async () => {
  const { server, prefs, show } = await meeting([ANA, BEN]);
  const { container } = show(
    <>
      <Alerts />
      <AlertSettings />
    </>,
  );
  act(() => server.joined(CAT));
  act(() => server.chat(BEN, "hello"));
  act(() => server.session.notices.show({ level: "error", text: { plain: "broken" } }));
  expect(heard).toHaveLength(2);
  expect(new Set(heard.map(String)).size).toBe(2);

  fireEvent.click(screen.getByLabelText("Chat messages I do not see"));
  fireEvent.click(screen.getByLabelText("People who join"));
  expect(prefs.getSnapshot().quiet).toEqual(["left", "chat"]);
  const chosen = heard.length;
  act(() => server.chat(BEN, "are you there?"));
  act(() => server.joined({ id: "dan", name: "Dan" }));
  expect(heard).toHaveLength(chosen + 1);
  expect(container.querySelectorAll("fieldset input")).toHaveLength(9);
});

test("a message that is read at once is not also heard", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  show(<Alerts />);
  act(() => visit.session.chat.setVisible(true));
  act(() => server.chat(BEN, "hello"));
  expect(heard).toEqual([]);
});

test("what was missed out of sight is a reason to offer it, once", async () => {
  permission = "default";
  const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(false);
  const asked = vi.spyOn(Notification, "requestPermission");
  const look = (away: boolean) => {
    hidden.mockReturnValue(away);
    act(() => void document.dispatchEvent(new Event("visibilitychange")));
  };
  const { server, visit, prefs, show } = await meeting([ANA, BEN]);
  show(<Alerts />);
  const offers = () =>
    visit.session.notices.getSnapshot().filter(({ group }) => group === "desktop");
  look(true);
  look(false);
  expect(offers()).toEqual([]);

  look(true);
  act(() => server.chat(BEN, "are you there?"));
  expect(asked).not.toHaveBeenCalled();
  look(false);
  expect(offers().map(({ text }) => text)).toEqual([{ key: "notice.desktopMissed" }]);

  asked.mockImplementation(async () => (permission = "denied"));
  await act(async () => {
    offers()[0]?.action?.run();
    await flush();
  });
  expect(prefs.getSnapshot().desktopNotices).toBe(false);
  expect(offers().map(({ text }) => text)).toEqual([{ key: "notice.desktopBlocked.Chromium" }]);
  look(true);
  act(() => server.chat(BEN, "and now?"));
  visit.session.notices.dismissGroup("desktop");
  look(false);
  expect(offers()).toEqual([]);
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
  vi.spyOn(Notification, "requestPermission").mockImplementation(
    async () => (permission = "denied"),
  );
  show(<NoticesButton />);
  fireEvent.click(screen.getByRole("button", { name: "Notifications" }));

  fireEvent.click(await screen.findByRole("button", { name: "Turn on" }));
  await act(flush);

  expect(prefs.getSnapshot().desktopNotices).toBe(false);
  expect(screen.getByText(/Your browser blocks notifications of this page/u)).toBeTruthy();
});
