import { act, cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ANA, BEN, CAT, createFakeServer, flush, id } from "../../../tests/fakes";
import { NatsMsgServerToClientEvents as Event } from "../../wire/gen/plugnmeet/messaging_pb";
import { showLanguage } from "../../i18n";
import { meeting, showVisit } from "../../../tests/visit";
import { ChatPanel } from "../chat";
import { LeaveDialog } from "../leave";
import { Notices, NoticesButton } from "../notices";
import { PeopleCount, PeoplePanel } from "../people";
import { ShortcutsDialog } from "../shortcuts";
import { Stage } from "../stage";
import { Toolbar } from "../toolbar";
import type { Outcome } from "../../wire/encode";
import { MediaBanner } from "./media-banner";
import MeetingScreen from "./meeting-screen";
import { Screen } from "./visit";

afterEach(cleanup);

const button = (name: string | RegExp) => screen.getByRole("button", { name });
const nothing = () => undefined;

test("the microphone button says what it will do and does it", async () => {
  const { server, show } = await meeting([ANA, BEN]);
  show(<Toolbar />);
  fireEvent.click(button("Muted, Unmute"));
  await act(flush);
  expect(server.engine.calls.at(-1)).toBe("microphone true");
  expect(button("Mic on, Mute")).toBeTruthy();
});

test("a locked button explains who locked it instead of doing nothing", async () => {
  const { server, show } = await meeting([{ ...ANA, admin: false }], {
    default_lock_settings: { lock_webcam: true },
  });
  show(
    <>
      <Toolbar />
      <Notices />
    </>,
  );
  const camera = button("Camera off, Turn camera on");
  expect(camera.getAttribute("aria-disabled")).toBe("true");
  fireEvent.click(camera);
  await act(flush);
  expect(server.engine.calls).not.toContain("camera true");
  expect(screen.getByText(/host has locked cameras/u)).toBeTruthy();
});

test("where nobody raises a hand, its key says so", async () => {
  const { visit, show } = await meeting([ANA], { room_features: { allow_raise_hand: false } });
  show(<Notices />);
  act(() => visit.actions.hand.run());
  expect(
    screen.getByText("This meeting was set up without raised hands. Write in the chat instead."),
  ).toBeTruthy();
});

test("raising a hand turns the button and tells the server", async () => {
  const { server, show } = await meeting([ANA]);
  show(<Toolbar />);
  fireEvent.click(button("Raise hand"));
  expect(button("Lower hand")).toBeTruthy();
  expect(server.sent.at(-1)).toEqual({ kind: "raise-hand", text: "Ana raised a hand" });
});

test("what is drawn asks the server nothing, the meeting itself does", async () => {
  const { server, show } = await meeting([ANA, BEN], {
    room_features: { polls_features: { is_active: true } },
  });
  const drawn = show(
    <>
      <PeoplePanel />
      <ChatPanel />
      <Toolbar />
    </>,
  );
  await act(flush);
  expect(server.asked).toEqual([]);
  drawn.unmount();

  show(<MeetingScreen />);
  await act(flush);
  expect(server.asked.map(({ path }) => path)).toContain("polls/listPolls");
});

test("unread messages are counted on the chat button until they are seen", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  show(<Toolbar />);
  act(() => server.chat(BEN, "one"));
  act(() => server.chat(BEN, "two"));
  expect(button("Chat, 2 unread messages")).toBeTruthy();
  act(() => visit.session.chat.setVisible(true));
  expect(button("Chat")).toBeTruthy();
});

test("people are listed with everything there is to know, in words", async () => {
  const { server, show } = await meeting([ANA, { ...BEN, hand: 5 }]);
  server.engine.people({ ben: { microphone: "muted" }, ana: { microphone: "live" } });
  show(<PeoplePanel />);
  expect(screen.getByText("Ben, hand raised, muted")).toBeTruthy();
  expect(screen.getByText(/^Ana, you, Host/u)).toBeTruthy();
});

test("searching narrows the list and says when nobody is left", async () => {
  const { show } = await meeting([ANA, BEN, CAT]);
  show(<PeoplePanel />);
  const box = screen.getByRole("searchbox", { name: "Search people" });
  fireEvent.change(box, { target: { value: "be" } });
  expect(screen.getAllByRole("listitem")).toHaveLength(1);
  fireEvent.change(box, { target: { value: "nobody" } });
  expect(screen.getByText("Nobody by that name is here.")).toBeTruthy();
});

test("Enter sends, Shift+Enter does not, and the box is empty afterwards", async () => {
  const { server, show } = await meeting([ANA, BEN]);
  show(<ChatPanel />);
  const box = screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Message" });
  fireEvent.change(box, { target: { value: "hello" } });
  fireEvent.keyDown(box, { key: "Enter", shiftKey: true });
  expect(server.published).toEqual([]);
  fireEvent.keyDown(box, { key: "Enter" });
  await act(flush);
  expect(server.published.map(({ message }) => message)).toEqual(["hello"]);
  expect(box.value).toBe("");
});

test("what is written to one person never goes to everyone", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  visit.session.chat.begin(id("ben"), "Ben");
  visit.session.chat.show(id("ben"));
  visit.session.chat.setVisible(true);
  show(<ChatPanel />);
  const box = screen.getByPlaceholderText("Write to Ben");
  fireEvent.change(box, { target: { value: "psst" } });
  fireEvent.click(button("Send"));
  await act(flush);
  expect(server.published).toEqual([]);
  expect(server.sent.at(-1)).toMatchObject({ kind: "private-chat", to: "ben" });
});

test("closing the chat gives the focus back to where it was opened from", async () => {
  const { visit, show } = await meeting([ANA, BEN]);
  show(<Screen onHome={nothing} onRejoin={nothing} holdBack={() => nothing} />);
  await waitFor(() => button("Chat"), { timeout: 5_000 });
  expect(document.activeElement?.id).toBe("main-area");
  button("Chat").focus();
  fireEvent.click(button("Chat"));
  expect(document.activeElement?.getAttribute("aria-label")).toBe("Message");
  fireEvent.keyDown(document.activeElement as Element, { key: "Escape" });
  await waitFor(() => expect(document.activeElement).toBe(button("Chat")));

  // Opened by a letter, from nowhere in particular.
  (document.activeElement as HTMLElement).blur();
  act(() => visit.ui.showPanel("chat"));
  act(() => visit.ui.showPanel(null));
  await waitFor(() => expect(document.activeElement?.id).toBe("main-area"));
});

test("what is half typed is still there after a look at another conversation, a closed panel or a lock", async () => {
  const { server, visit, show } = await meeting([{ ...ANA, admin: false }, BEN]);
  const { chat } = visit.session;
  chat.begin(id("ben"), "Ben");
  const { unmount } = show(<ChatPanel />);
  const box = () => screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Message" });
  fireEvent.change(box(), { target: { value: "to all" } });
  act(() => chat.show(id("ben")));
  expect(box().value).toBe("");
  fireEvent.change(box(), { target: { value: "to Ben" } });
  act(() => chat.show(null));
  expect(box().value).toBe("to all");
  act(() => server.changed({ ...ANA, admin: false, locks: { lockChatSendMessage: true } }));
  expect(screen.queryByRole("textbox", { name: "Message" })).toBeNull();
  act(() => server.changed({ ...ANA, admin: false }));
  expect(box().value).toBe("to all");
  unmount();
  show(<ChatPanel />);
  expect(box().value).toBe("to all");
  fireEvent.keyDown(box(), { key: "Enter" });
  expect(box().value).toBe("");
  act(() => chat.show(id("ben")));
  expect(box().value).toBe("to Ben");
});

test("a message that was not sent offers to be sent again", async () => {
  const { server, show } = await meeting([ANA, BEN]);
  server.refuse(true);
  show(<ChatPanel />);
  server.session.write(null, "hello");
  await act(flush);
  server.refuse(false);
  fireEvent.click(button("Send again"));
  await act(flush);
  expect(screen.queryByText("Not sent")).toBeNull();
  expect(server.published).toHaveLength(1);
});

test("nobody can write where the chat is locked, and the reason is there to read", async () => {
  const { show } = await meeting([{ ...ANA, admin: false }], {
    default_lock_settings: { lock_chat_send_message: true },
  });
  show(<ChatPanel />);
  expect(screen.queryByRole("textbox", { name: "Message" })).toBeNull();
  expect(screen.getByText("The host has locked the chat. Raise your hand to ask.")).toBeTruthy();
});

test("a shared screen takes the stage with the others beside it", async () => {
  const { server, show } = await meeting([ANA, BEN]);
  const screenTrack = { id: "s", attach: () => nothing };
  server.engine.people({ ben: { screen: screenTrack } });
  show(<Stage />);
  expect(screen.getByRole("figure", { name: "Screen of Ben" })).toBeTruthy();
  expect(screen.getByRole("figure", { name: "Ben" })).toBeTruthy();
  expect(screen.getByRole("figure", { name: "Ana (you)" })).toBeTruthy();
});

test("sound is played for others and never for myself", async () => {
  const { server, show } = await meeting([ANA, BEN]);
  const attached: string[] = [];
  const sound = (who: string) => ({
    id: who,
    attach: () => {
      attached.push(who);
      return nothing;
    },
  });
  server.engine.people({ ben: { sound: sound("ben"), microphone: "live" }, ana: {} });
  show(<Stage />);
  expect(attached).toEqual(["ben"]);
});

test("a lost line greys the stage and says that it heals by itself", async () => {
  const { server, show } = await meeting([ANA, BEN]);
  show(<Stage />);
  act(() => server.setLink("down"));
  expect(screen.getByText("Connection lost. Reconnecting…")).toBeTruthy();
  act(() => server.setLink("open"));
  expect(screen.queryByText("Connection lost. Reconnecting…")).toBeNull();
});

test("lost media leaves the stage and says so; the chat goes on", async () => {
  const { server, show } = await meeting([ANA, BEN]);
  show(
    <>
      <MediaBanner />
      <Stage />
    </>,
  );
  act(() => server.engine.handlers?.onStatus("lost"));
  expect(screen.getByText("No sound or picture. Trying again…")).toBeTruthy();
  expect(screen.queryByText("Connection lost. Reconnecting…")).toBeNull();
  act(() => server.engine.handlers?.onStatus("connected"));
  expect(screen.queryByText("No sound or picture. Trying again…")).toBeNull();
});

test("similar notices are one notice", async () => {
  const { server, show } = await meeting([ANA]);
  show(<Notices />);
  act(() => server.joined(BEN));
  expect(screen.getByText("Ben joined")).toBeTruthy();
  act(() => server.joined(CAT));
  expect(screen.getByText("2 people joined")).toBeTruthy();
});

test("a missed notice is found behind the bell, which counts what is new", async () => {
  const { server, visit, show } = await meeting([ANA]);
  show(<NoticesButton />);
  act(() => server.joined(BEN));
  act(() => visit.session.notices.dismissGroup("joined"));
  fireEvent.click(button("Notifications, 1 new"));
  expect(await screen.findByText("Ben joined")).toBeTruthy();
  await waitFor(() => button("Notifications"));
});

test("notices wait while somebody points at them", async () => {
  const { server, visit, show } = await meeting([ANA]);
  show(<Notices />);
  const held: boolean[] = [];
  visit.session.notices.hold = (on) => void held.push(on);
  act(() => server.joined(BEN));
  held.length = 0;
  fireEvent.pointerEnter(screen.getByRole("list", { name: "Notices" }));
  fireEvent.focus(button("Dismiss"));
  fireEvent.pointerLeave(screen.getByRole("list", { name: "Notices" }));
  expect(held).toEqual([true, true, false]);
});

test("a shortcut is changed in the list of shortcuts", async () => {
  const { show } = await meeting([ANA]);
  show(<ShortcutsDialog />);
  const key = await screen.findByRole("button", { name: "Raise or lower hand: H. Change" });
  fireEvent.click(key);
  fireEvent.keyDown(key, { key: "j" });
  expect(button("Raise or lower hand: J. Change").textContent).toBe("J");
  fireEvent.click(key);
  fireEvent.keyDown(key, { key: "Backspace" });
  expect(button("Raise or lower hand: no key. Change")).toBeTruthy();
  fireEvent.click(button("Use the usual keys"));
  expect(button("Raise or lower hand: H. Change")).toBeTruthy();
});

test("the language the meeting knows of somebody is shown unless they chose another", async () => {
  const { show } = await meeting([{ ...ANA, language: "ar-SA" }]);
  show(<Screen onHome={nothing} onRejoin={nothing} holdBack={() => nothing} />);
  await waitFor(() => expect(document.documentElement.dir).toBe("rtl"), { timeout: 5_000 });
  await act(() => showLanguage("en"));
});

test("ending for everyone that fails says so where it was asked", async () => {
  let answer: Outcome | Error = { ok: false, reason: "notifications.room-not-active" };
  const { show } = await meeting([ANA, BEN], undefined, {
    endRoom: async () => {
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  show(<LeaveDialog />);
  fireEvent.click(button("End for everyone"));
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toBe("The meeting could not be ended. The meeting is not running.");
  answer = new Error("offline");
  fireEvent.click(button("End for everyone"));
  await waitFor(() => {
    expect(screen.getByRole("alert").textContent.trim()).toBe("The meeting could not be ended.");
  });
  expect(button("End for everyone").hasAttribute("disabled")).toBe(false);
});

test("a host is offered both ways out and ending leads to the ending page", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  show(<Screen onHome={nothing} onRejoin={nothing} holdBack={() => nothing} />);
  await waitFor(() => button("Leave"), { timeout: 5_000 });
  act(() => visit.ui.showDialog("leave"));
  await waitFor(() => button("End for everyone"), { timeout: 5_000 });
  expect(button("Leave meeting")).toBeTruthy();
  act(() => server.session.leave());
  expect(screen.getByRole("heading", { name: "You left the meeting" })).toBeTruthy();
  expect(button("Join again")).toBeTruthy();
  expect(document.activeElement?.textContent).toBe("You left the meeting");
});

test("my own shared screen is not shown to me; what I see is that I share, and how to stop", async () => {
  const { server, show } = await meeting([ANA, BEN, CAT]);
  show(<Stage />);
  act(() => server.engine.people({ ana: { screen: { id: "s", attach: () => nothing } }, ben: {} }));
  expect(screen.getAllByRole("figure")).toHaveLength(3);
  fireEvent.click(button("Stop sharing"));
  await act(flush);
  expect(screen.getByText("You are sharing your screen.")).toBeTruthy();
});

test("a pin makes a tile large without taking its picture down", async () => {
  const { server, show } = await meeting([ANA, BEN, CAT]);
  let attached = 0;
  const attach = () => {
    attached += 1;
    return nothing;
  };
  const camera = { id: "c", attach };
  server.engine.people({ ben: { camera } });
  show(<Stage />);
  const tile = () => screen.getByRole("figure", { name: "Ben" });
  const small = Number.parseInt(tile().style.inlineSize, 10);
  fireEvent.click(button("Pin Ben"));
  expect(Number.parseInt(tile().style.inlineSize, 10)).toBeGreaterThan(small);
  fireEvent.click(button("Unpin Ben"));
  act(() => server.engine.people({ ben: { camera } }));
  expect(attached).toBe(1);
});

test("with two people my picture moves from corner to corner by key and by press", async () => {
  const { prefs, show } = await meeting([ANA, BEN]);
  show(<Stage />);
  const move = button(/Move to another corner/u);
  fireEvent.keyDown(move, { key: "ArrowUp" });
  expect(prefs.getSnapshot().selfCorner).toBe("top-end");
  fireEvent.keyDown(move, { key: "ArrowLeft" });
  expect(prefs.getSnapshot().selfCorner).toBe("top-start");
  fireEvent.click(move);
  expect(prefs.getSnapshot().selfCorner).toBe("top-end");
});

test("my picture can be hidden and comes back from the same list elsewhere", async () => {
  const { prefs, show } = await meeting([ANA, BEN, CAT]);
  show(<Stage />);
  act(() => prefs.change({ selfView: "hidden" }));
  expect(screen.queryByRole("figure", { name: "Ana (you)" })).toBeNull();
  act(() => prefs.change({ selfView: "among" }));
  expect(screen.getByRole("figure", { name: "Ana (you)" })).toBeTruthy();
});

test("W shows the speaker large, and whoever talks next takes over", async () => {
  const { server, visit, show } = await meeting([ANA, BEN, CAT]);
  server.engine.people({ ben: { microphone: "live" }, cat: { microphone: "live" } });
  show(<Stage />);
  const width = (name: string) =>
    Number.parseInt(screen.getByRole("figure", { name }).style.inlineSize, 10);
  act(() => visit.actions.layout.run());
  act(() => server.engine.speaking("cat"));
  expect(width("Cat")).toBeGreaterThan(width("Ben"));
  act(() => server.engine.speaking("ben"));
  expect(width("Ben")).toBeGreaterThan(width("Cat"));
});

test("somebody alone is told so, with or without a link for others", async () => {
  const { show } = await meeting([ANA]);
  show(<Stage />);
  expect(screen.getByText("You are the only one here")).toBeTruthy();
});

test("the volume of one person changes theirs alone", async () => {
  const { server, visit, show } = await meeting([ANA, BEN, CAT]);
  const sound = (of: string) => ({ sound: { id: of, attach: () => nothing } });
  server.engine.people({ ben: sound("b"), cat: sound("c") });
  const { container } = show(<Stage />);
  act(() => visit.ui.setVolume(id("ben"), 0.3));
  const volume = (who: string) =>
    container.querySelector<HTMLAudioElement>(`audio[data-participant="${who}"]`)?.volume;
  expect([volume("ben"), volume("cat")]).toEqual([0.3, 1]);
});

test("who waits outside is in the list but not counted", async () => {
  const { show } = await meeting([ANA, { ...BEN, waiting: true }]);
  show(
    <>
      <PeopleCount />
      <PeoplePanel />
    </>,
  );
  expect(screen.getByText("1")).toBeTruthy();
  expect(screen.getByText(/^Ben, in the waiting room/u)).toBeTruthy();
});

test("a list to choose from says which one is in use", async () => {
  const { show } = await meeting([ANA, BEN, CAT]);
  show(<Toolbar />);
  fireEvent.keyDown(button("View"), { key: "ArrowDown" });
  const grid = await screen.findByRole("menuitemradio", { name: "Everyone alike" });
  expect(grid.getAttribute("aria-checked")).toBe("true");
});

test("whoever changes rooms goes straight in, as they were", async () => {
  const server = createFakeServer();
  const carried = { microphone: true, camera: false };
  showVisit(
    server,
    <Screen onHome={nothing} onRejoin={nothing} holdBack={() => nothing} carried={carried} />,
  );
  server.session.start();
  await act(flush);
  act(() => server.initialData(ANA));
  await act(flush);
  expect(server.sent.map(({ kind }) => kind)).toContain("users");
  expect(screen.queryByText("Ready to join?")).toBeNull();
});

test.each([
  ["ends", "room-ended"],
  ["was left at a host's word", "participant-removed"],
])("when a breakout room %s, its people go on in the main room", async (_, why) => {
  const { server, visit, show, travelled } = await meeting([ANA, BEN], {
    is_breakout_room: true,
    parent_room_id: "main",
  });
  visit.wayBack.renew("the way back");
  show(<Screen onHome={nothing} onRejoin={nothing} holdBack={() => nothing} />);
  await act(flush);
  act(() => server.emit(Event.SESSION_ENDED, `notifications.room-disconnected-${why}`));
  await act(flush);
  expect(travelled).toEqual(["the way back"]);
});

test("a phone whose browser only pretends to share screens says so instead of doing nothing", async () => {
  const { server, visit, show } = await meeting([ANA]);
  vi.stubGlobal("navigator", {
    userAgent: "Mozilla/5.0 (Linux; Android 16) Chrome/150.0 Mobile",
    mediaDevices: { getDisplayMedia: () => Promise.reject(new Error("never")) },
  });
  show(<Notices />);
  act(() => visit.actions.screen.run());
  vi.unstubAllGlobals();
  expect(screen.getByText(/This browser cannot share a screen/u)).toBeTruthy();
  expect(server.engine.calls).not.toContain("screen true");
});

test("signs are offered where there are reactions, and only there", async () => {
  const menu = async (metadata: object) => {
    const { server, show } = await meeting([{ ...ANA, admin: false }, BEN], metadata);
    show(<ChatPanel />);
    act(() => server.chat(BEN, "hello"));
    fireEvent.click(button("Actions for the message of Ben"));
    await screen.findByRole("menu");
    const signs = screen.queryByRole("group", { name: "React" });
    cleanup();
    return signs !== null;
  };
  expect(await menu({})).toBe(true);
  expect(
    await menu({ room_features: { allow_reactions: false, chat_features: { is_allow: true } } }),
  ).toBe(false);
});

test("private words are back after a reload and are no news", async () => {
  sessionStorage.clear();
  const first = await meeting([ANA, BEN]);
  const screenOf = ({ show }: typeof first) =>
    show(<Screen onHome={nothing} onRejoin={nothing} holdBack={() => nothing} />);
  const before = screenOf(first);
  await waitFor(() => button("Chat"), { timeout: 5_000 });
  act(() => first.server.privateChat(BEN, "ana", "psst"));
  expect(button("Chat, 1 unread message")).toBeTruthy();
  before.unmount();

  const second = await meeting([ANA, BEN]);
  screenOf(second);
  await waitFor(() => button("Chat, 1 unread message"), { timeout: 5_000 });
  const lines = second.visit.session.chat.getSnapshot().conversations.get(id("ben"));
  expect(lines?.map(({ html }) => html)).toEqual(["psst"]);
  expect(second.visit.session.notices.getSnapshot()).toEqual([]);
  sessionStorage.clear();
});
