import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { act, cleanup, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ANA, BEN, CAT, commonAnswer, flush, id, type FakeServer } from "../../../tests/fakes";
import { begun } from "../../../tests/together";
import { actionsFor, meeting } from "../../../tests/visit";
import { NatsMsgServerToClientEvents as Event } from "../../wire/gen/plugnmeet/messaging_pb";
import { UpdateUserLockSettingsReqSchema } from "../../wire/gen/plugnmeet/common_pb";
import {
  BlockedResSchema,
  MuteAllReqSchema,
  SelfUnmuteReqSchema,
  SpotlightReqSchema,
} from "../../wire/gen/plenum/meeting_pb";
import { Notices } from "../notices";
import { PeopleCount, PeoplePanel } from "../people";
import { Stage } from "../stage";
import { Toolbar } from "../toolbar";
import Dialogs from "../visit/dialogs";
import { RestBanner } from "./rest-banner";
import { WaitingPanel } from "./waiting-panel";

afterEach(cleanup);

const button = (name: string | RegExp) => screen.getByRole("button", { name });
const lockSwitch = (what: string) => screen.getByRole("switch", { name: `Lock: ${what}` });
const rowOf = (what: string) => lockSwitch(what).closest("li")?.textContent ?? "";

test("all ten locks are there, each as the room has it", async () => {
  const { visit, show } = await meeting([ANA, BEN], {
    default_lock_settings: { lock_screen_sharing: true },
  });
  show(<Dialogs />);
  act(() => visit.ui.showDialog("locks"));

  expect(screen.getAllByRole("switch")).toHaveLength(10);
  expect(lockSwitch("Screen sharing").getAttribute("aria-checked")).toBe("true");
  expect(lockSwitch("Microphone").getAttribute("aria-checked")).toBe("false");
});

test("a lock shows at once what was pressed, and goes back when the server refuses", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  let settle: (answer: Uint8Array) => void = () => undefined;
  const pending = new Promise<Uint8Array>((resolve) => (settle = resolve));
  server.answer = () => pending as unknown as Uint8Array;
  show(
    <>
      <Dialogs />
      <Notices />
    </>,
  );
  act(() => visit.ui.showDialog("locks"));

  fireEvent.click(lockSwitch("Chat"));
  expect(lockSwitch("Chat").getAttribute("aria-checked")).toBe("true");
  await act(async () => {
    settle(commonAnswer(false, "room isn't running"));
    await flush();
  });

  expect(lockSwitch("Chat").getAttribute("aria-checked")).toBe("false");
  expect(screen.getByText("That meeting is not running any more.")).toBeTruthy();
});

test("a lock that another host takes back is shown so, and the next press sets it again", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  show(<Dialogs />);
  act(() => visit.ui.showDialog("locks"));
  const lock = (on: boolean) =>
    act(() =>
      server.emit(
        Event.ROOM_METADATA_UPDATE,
        JSON.stringify({ default_lock_settings: { lock_chat: on } }),
      ),
    );
  const isLocked = () => lockSwitch("Chat").getAttribute("aria-checked");
  fireEvent.click(lockSwitch("Chat"));
  await act(flush);
  lock(true);
  expect(isLocked()).toBe("true");

  lock(false);
  expect(isLocked()).toBe("false");
  fireEvent.click(lockSwitch("Chat"));
  await act(flush);

  expect(isLocked()).toBe("true");
  const { direction } = fromBinary(
    UpdateUserLockSettingsReqSchema,
    server.asked.at(-1)?.body ?? new Uint8Array(),
  );
  expect([server.asked.length, direction]).toEqual([2, "lock"]);
});

test("a lock of the room says for whom it does not hold", async () => {
  const { visit, show } = await meeting([ANA, { ...BEN, locks: { lockWebcam: false } }, CAT], {
    default_lock_settings: { lock_webcam: true },
  });
  show(<Dialogs />);
  act(() => visit.ui.showDialog("locks"));

  expect(rowOf("Camera")).toContain("Except Ben: allowed");
});

test("a lock of one person says whether it is the room's or their own", async () => {
  const { server, visit, show } = await meeting(
    [ANA, { ...BEN, locks: { lockWebcam: false, lockMicrophone: true } }],
    { default_lock_settings: { lock_webcam: true, lock_screen_sharing: true } },
  );
  show(<Dialogs />);
  act(() => visit.ui.showDialog("locks", id("ben")));

  expect(rowOf("Camera")).toContain("Unlocked for this person; locked for the others");
  expect(rowOf("Microphone")).toContain("Locked for this person alone");
  expect(rowOf("Screen sharing")).toContain("Locked for everyone");
  expect(rowOf("Reactions")).toContain("As for everyone");
  fireEvent.click(lockSwitch("Private messages"));
  await act(flush);
  const { userId, service, direction } = fromBinary(
    UpdateUserLockSettingsReqSchema,
    server.asked.at(-1)?.body ?? new Uint8Array(),
  );
  expect([userId, service, direction]).toEqual(["ben", "privateChat", "lock"]);
});

test("of another host only the whiteboard can be locked", async () => {
  const { visit, show } = await meeting([ANA, { ...BEN, admin: true }]);
  show(<Dialogs />);
  act(() => visit.ui.showDialog("locks", id("ben")));

  expect(screen.getAllByRole("switch").map((each) => each.getAttribute("aria-label"))).toEqual([
    "Lock: Whiteboard",
  ]);
});

test("whoever is no host reads what holds for them and why, and can change nothing", async () => {
  const { visit, show } = await meeting(
    [{ ...ANA, admin: false, locks: { lockWebcam: false } }, BEN],
    { default_lock_settings: { lock_webcam: true, lock_chat: true } },
  );
  show(<Dialogs />);
  act(() => visit.actions.locks.run());

  expect(screen.queryAllByRole("switch")).toEqual([]);
  expect(screen.getByText("A host has unlocked this for you")).toBeTruthy();
  expect(screen.getByText("A host has locked this for everyone")).toBeTruthy();
});

test("a host finds everything that can be done with somebody in one menu", async () => {
  const { server, show } = await meeting([ANA, { ...BEN, hand: 5 }]);
  server.engine.people({
    ben: {
      microphone: "live",
      camera: { id: "c", attach: () => () => undefined },
      screen: { id: "s", attach: () => () => undefined },
    },
  });
  show(<PeoplePanel />);

  expect(await actionsFor("Ben")).toEqual([
    "Pin Ben",
    "Send private message",
    "Lower hand",
    "Mute",
    "Stop camera",
    "Stop their screen sharing",
    "Show large to everyone",
    "Make presenter",
    "Lock settings",
    "Remove from the meeting",
  ]);
});

test("another host's camera and screen are theirs, as the server has it", async () => {
  const { server, show } = await meeting([ANA, { ...BEN, admin: true }]);
  server.engine.people({
    ben: {
      microphone: "live",
      camera: { id: "c", attach: () => () => undefined },
      screen: { id: "s", attach: () => () => undefined },
    },
  });
  show(<PeoplePanel />);

  const actions = await actionsFor("Ben");

  expect(actions).toContain("Mute");
  expect(actions).not.toContain("Stop camera");
  expect(actions).not.toContain("Stop their screen sharing");
});

test("what is off can only be asked for", async () => {
  const { server, show } = await meeting([ANA, BEN]);
  show(<PeoplePanel />);

  const actions = await actionsFor("Ben");

  expect(actions).toContain("Ask to unmute");
  expect(actions).toContain("Ask to turn camera on");
  fireEvent.click(button("Ask to unmute"));
  await act(flush);
  expect(server.asked.at(-1)?.path).toBe("plenum/ask");
});

test("attendees have none of it", async () => {
  const { show } = await meeting([{ ...ANA, admin: false }, BEN]);
  show(<PeoplePanel />);

  expect(await actionsFor("Ben")).toEqual(["Pin Ben", "Send private message"]);
});

test("the question about somebody who has just left stays, says so and can be closed", async () => {
  const { visit, show } = await meeting([ANA, BEN]);
  show(<Dialogs />);
  act(() => visit.ui.showDialog("remove", id("ben")));

  act(() => void visit.session.people.leave(id("ben")));

  const dialog = screen.getByRole("dialog", { name: "Remove Ben?" });
  expect(within(dialog).getByText("This person has left.")).toBeTruthy();
  expect(within(dialog).queryByRole("button", { name: "Remove" })).toBeNull();
  fireEvent.click(within(dialog).getByRole("button", { name: "Close" }));
  expect(visit.ui.getSnapshot().dialog).toBeNull();
});

test("somebody is removed after one question, which offers to block as well", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  show(<Dialogs />);
  act(() => visit.ui.showDialog("remove", id("ben")));

  expect(screen.getByRole("dialog", { name: "Remove Ben?" })).toBeTruthy();
  fireEvent.click(screen.getByRole("checkbox", { name: /^Block Ben/u }));
  fireEvent.click(button("Remove"));
  await act(flush);

  expect(server.asked.at(-1)?.path).toBe("removeParticipant");
  expect(visit.ui.getSnapshot().dialog).toBeNull();
});

test("who waits stands in the order they came, with their place", async () => {
  const { server, show } = await meeting(
    [ANA, { ...CAT, waiting: true }, { ...BEN, waiting: true }],
    { room_features: { waiting_room_features: { is_active: true } } },
  );
  show(<WaitingPanel />);

  const rows = within(screen.getByRole("list")).getAllByRole("listitem");
  expect(rows.map((row) => row.querySelector(".person-name")?.textContent)).toEqual(["Ben", "Cat"]);
  fireEvent.click(button("Let all 2 in"));
  await act(flush);
  expect(server.asked.map(({ path }) => path)).toEqual([
    "waitingRoom/approveUsers",
    "waitingRoom/approveUsers",
  ]);
  fireEvent.click(button("Turn Cat away and block"));
  await act(flush);
  expect(server.asked.at(-1)?.path).toBe("removeParticipant");
});

test("what is read outside is saved when typing rests or the box is left", async () => {
  const { server, show } = await meeting([ANA]);
  show(<WaitingPanel />);
  const box = screen.getByRole("textbox", { name: "What is read while waiting" });

  fireEvent.change(box, { target: { value: "At ten." } });
  expect(server.asked).toEqual([]);
  fireEvent.blur(box);
  await act(flush);

  expect(server.asked.map(({ path }) => path)).toEqual(["waitingRoom/updateMsg"]);
  expect(screen.getByText("Saved. Everyone waiting sees it.")).toBeTruthy();
});

const waitingBox = () =>
  screen.getByRole<HTMLTextAreaElement>("textbox", { name: "What is read while waiting" });
const sayings = (server: FakeServer) =>
  server.asked.filter(({ path }) => path === "waitingRoom/updateMsg").length;

test("what is read outside and could not be saved is still there after a look at another panel, and said", async () => {
  const { server, show } = await meeting([ANA]);
  const answer = server.hold("waitingRoom/updateMsg");
  const { unmount } = show(<WaitingPanel />);
  fireEvent.change(waitingBox(), { target: { value: "At ten." } });
  unmount();
  expect(sayings(server)).toBe(1);

  show(<WaitingPanel />);
  expect(waitingBox().value).toBe("At ten.");
  expect(screen.getByText("Saving…")).toBeTruthy();
  fireEvent.blur(waitingBox());
  expect(sayings(server)).toBe(1);

  await act(() => answer(commonAnswer(false)));
  expect(waitingBox().value).toBe("At ten.");
  expect(screen.getByText("It could not be saved.")).toBeTruthy();
});

test("what is typed on while what is read outside is saved stays, and is saved afterwards", async () => {
  const { server, show } = await meeting([ANA]);
  const answer = server.hold("waitingRoom/updateMsg");
  show(<WaitingPanel />);
  fireEvent.change(waitingBox(), { target: { value: "At ten" } });
  fireEvent.blur(waitingBox());
  fireEvent.change(waitingBox(), { target: { value: "At eleven" } });
  await act(() => answer(commonAnswer(true)));
  expect(waitingBox().value).toBe("At eleven");

  fireEvent.blur(waitingBox());
  await act(flush);
  await act(() => answer(commonAnswer(true)));
  expect(sayings(server)).toBe(2);
  expect(waitingBox().value).toBe("At eleven");
  expect(screen.getByText("Saved. Everyone waiting sees it.")).toBeTruthy();
});

test("the number of people waiting stands on the hosts' button", async () => {
  const { show } = await meeting([ANA, { ...BEN, waiting: true }]);
  show(<Toolbar />);

  expect(button("Host, 1 person is waiting")).toBeTruthy();
});

test("everyone is muted after one question, which says how far it goes", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  show(<Dialogs />);
  act(() => visit.ui.showDialog("mute-all"));

  fireEvent.click(screen.getByRole("checkbox", { name: "The other hosts as well" }));
  fireEvent.click(screen.getByRole("checkbox", { name: "People may unmute themselves" }));
  fireEvent.click(button("Mute everyone"));
  await act(flush);

  const [selfUnmute, muteAll] = server.asked;
  expect(fromBinary(SelfUnmuteReqSchema, selfUnmute?.body ?? new Uint8Array()).isAllowed).toBe(
    false,
  );
  expect(fromBinary(MuteAllReqSchema, muteAll?.body ?? new Uint8Array()).includingModerators).toBe(
    true,
  );
});

test("a meeting at rest says so to everybody, and to hosts who did it and how to go on", async () => {
  const resting = { extra_data: { plenum_panic: "1700000000000", plenum_panic_by: "ben" } };
  const { server, show } = await meeting([ANA, { ...BEN, admin: true }], resting);
  show(<RestBanner />);

  expect(screen.getByText(/Ben has muted everyone/u)).toBeTruthy();
  fireEvent.click(button("Put back as it was"));
  await act(flush);
  expect(server.asked.at(-1)?.path).toBe("plenum/panic");
  cleanup();

  const attendee = await meeting([{ ...ANA, admin: false }, BEN], resting);
  attendee.show(<RestBanner />);
  expect(screen.getByText(/A host has muted everyone/u)).toBeTruthy();
  expect(screen.queryByRole("button")).toBeNull();
});

test("blocked people are listed with who did it and can be let back", async () => {
  const { server, visit, show } = await meeting([ANA, BEN], {
    extra_data: { plenum_blocked: "1" },
  });
  server.answer = (path) =>
    path === "plenum/blocked"
      ? toBinary(
          BlockedResSchema,
          create(BlockedResSchema, {
            status: true,
            people: [{ userId: "dan", name: "Dan", blockedAt: 1n, blockedBy: "ana" }],
          }),
        )
      : commonAnswer(true);
  show(<Dialogs />);
  act(() => visit.ui.showDialog("blocked"));

  expect(await screen.findByText(/by Ana$/u)).toBeTruthy();
  fireEvent.click(button("Unblock Dan"));
  await waitFor(() => expect(server.asked.at(-1)?.path).toBe("plenum/unblock"));
});

test("whoever is in the spotlight is large for everybody, also for whoever sees everyone alike", async () => {
  const { server, show } = await meeting([{ ...ANA, admin: false }, BEN, CAT], {
    extra_data: { plenum_spotlight: "cat" },
  });
  show(<Stage />);
  const width = (name: string) =>
    Number.parseInt(screen.getByRole("figure", { name }).style.inlineSize, 10);

  expect(width("Cat")).toBeGreaterThan(width("Ben") * 2);
  expect(server.asked).toEqual([]);
});

test("a host adds to the spotlight and takes out of it", async () => {
  const { server, show } = await meeting([ANA, BEN, CAT], {
    extra_data: { plenum_spotlight: "cat" },
  });
  const list = () =>
    fromBinary(SpotlightReqSchema, server.asked.at(-1)?.body ?? new Uint8Array()).userIds;
  show(<PeoplePanel />);

  await actionsFor("Ben");
  fireEvent.click(button("Show large to everyone"));
  await act(flush);
  expect(list()).toEqual(["cat", "ben"]);
  await actionsFor("Cat");
  fireEvent.click(button("No longer show large to everyone"));
  await act(flush);
  expect(list()).toEqual([]);
});

test("where attendees do not see each other, they see hosts and themselves, and are told so", async () => {
  const { show } = await meeting([{ ...ANA, admin: false }, BEN, { ...CAT, admin: true }], {
    room_features: { allow_view_other_users_list: false },
  });
  show(
    <>
      <PeopleCount />
      <PeoplePanel />
    </>,
  );

  expect(screen.getAllByRole("listitem")).toHaveLength(2);
  expect(screen.getByText("2")).toBeTruthy();
  expect(screen.queryByText(/^Ben/u)).toBeNull();
  expect(screen.getByText("In this meeting you see only hosts and yourself.")).toBeTruthy();
});

test("hosts read notes, who waits longest first, and hear of a new one", async () => {
  const guest = (who: typeof BEN, since: string, note: string) => ({
    ...who,
    admin: false,
    waiting: true,
    extra: { plenum_waits_since: since, ...(note === "" ? {} : { plenum_note: note }) },
  });
  const { server, show } = await meeting([
    ANA,
    guest(BEN, "20", ""),
    guest(CAT, "10", "Let me in"),
  ]);
  begun(server.session);
  show(<WaitingPanel />);

  const rows = screen.getAllByRole("listitem").map(({ textContent }) => textContent ?? "");
  expect(rows[0]).toContain("Cat");
  expect(rows[0]).toContain("Let me in");
  expect(server.session.notices.getSnapshot()).toHaveLength(1);
  act(() => server.changed(guest(BEN, "20", "Me too")));
  expect(screen.getByText("Me too")).toBeTruthy();
  expect(server.session.notices.getSnapshot().at(-1)).toMatchObject({
    text: { key: "waiting.left", values: { name: "Ben", note: "Me too" } },
    panel: "waiting",
  });
});
