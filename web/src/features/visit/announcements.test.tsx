import { act, cleanup, fireEvent } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ANA, BEN, flush } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { useShortcuts } from "../shortcuts";
import { Stage } from "../stage";
import { useSwitchAnnouncements } from "./use-switch-announcements";

/** What a screen reader was given to say. */
const said: string[] = [];
vi.mock("../../kit/announcer", () => ({ announce: (text: string) => void said.push(text) }));

beforeEach(() => void (said.length = 0));
afterEach(cleanup);

function Meeting() {
  useShortcuts();
  useSwitchAnnouncements();
  return <Stage />;
}

async function inMeeting() {
  const { server, show, visit } = await meeting([ANA, BEN]);
  show(<Meeting />);
  said.length = 0;
  const settled = () => act(flush);
  return { server, visit, settled };
}

test("what a key switches is said once it is so", async () => {
  const { server, settled } = await inMeeting();
  fireEvent.keyDown(document.body, { key: "m", code: "KeyM" });
  expect(said).toEqual([]);
  await settled();
  fireEvent.keyDown(document.body, { key: "v", code: "KeyV" });
  await settled();
  server.session.media.screen.want(true);
  await settled();
  server.session.media.screen.want(false);
  await settled();
  act(() => server.engine.handlers?.onLocal({ microphone: false, camera: true, screen: false }));
  expect(said).toEqual([
    "Mic on",
    "Camera on",
    "You are sharing your screen.",
    "You do not share your screen any more.",
    "Muted",
  ]);
});

test("whoever talks with the space bar is told nothing of it", async () => {
  const { server, settled } = await inMeeting();
  fireEvent.keyDown(document.body, { key: " ", code: "Space" });
  await settled();
  expect(server.session.media.microphone.getSnapshot().on).toBe(true);
  fireEvent.keyUp(document.body, { key: " ", code: "Space" });
  await settled();
  expect(server.session.media.microphone.getSnapshot().on).toBe(false);
  expect(said).toEqual([]);

  fireEvent.keyDown(document.body, { key: "m", code: "KeyM" });
  await settled();
  expect(said).toEqual(["Mic on"]);
});

test("a screen that others share no more is said, but not that nothing is known of it", async () => {
  const { server } = await inMeeting();
  const sharing = { ben: { screen: { id: "s", attach: () => () => undefined } } };
  act(() => server.engine.people(sharing));
  act(() => server.engine.people({ ben: {} }));
  act(() => server.engine.people(sharing));
  act(() => {
    server.engine.people({});
    server.engine.handlers?.onStatus("reconnecting");
  });
  expect(said).toEqual(["Screen of Ben", "Ben shares no screen any more.", "Screen of Ben"]);
});

test("that the browser waits for a press before it plays sound is said", async () => {
  const { server } = await inMeeting();
  act(() => server.engine.handlers?.onMayPlaySound(false));
  expect(said).toEqual(["The browser is waiting for a click before it plays sound."]);
});
