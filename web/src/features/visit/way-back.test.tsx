import { create, toBinary } from "@bufbuild/protobuf";
import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  ADMISSION,
  ANA,
  BEN,
  createFakeServer,
  flush,
  type FakeServer,
} from "../../../tests/fakes";
import { SessionError, type EndCode } from "../../session/errors";
import type * as Live from "../../session/live";
import { createPrefs } from "../../session/prefs";
import type { Phase } from "../../session/session";
import { createStore } from "../../session/store";
import { BreakoutRoomResSchema } from "../../wire/gen/plugnmeet/features_pb";
import { NatsMsgServerToClientEvents as Event } from "../../wire/gen/plugnmeet/messaging_pb";
import { PrefsContext } from "../settings/prefs-context";
import { Visit } from "./visit";
import { createWayBack, keepWayBack } from "./way-back";

/** Rooms by the token that leads into them, and how each is entered. */
const entered: { readonly token: string; readonly server: FakeServer }[] = [];
const refused = new Map<string, EndCode>();

vi.mock("../../session/live", () => ({
  createLiveSession: ((token, onToken) => {
    const server = createFakeServer({
      token,
      onToken,
      verify: async () => {
        const code = refused.get(token);
        if (code) throw new SessionError({ code, detail: "" });
        return ADMISSION;
      },
    });
    const leadsTo = token === "main" ? "room" : "main later";
    server.answer = () =>
      toBinary(
        BreakoutRoomResSchema,
        create(BreakoutRoomResSchema, { status: true, token: leadsTo }),
      );
    entered.push({ token, server });
    return server.session;
  }) satisfies typeof Live.createLiveSession,
}));

beforeEach(() => {
  vi.stubGlobal("isSecureContext", true);
  sessionStorage.clear();
  entered.length = 0;
  refused.clear();
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("whoever cannot enter a room is back in the main room, with devices as they were, and told why", async () => {
  visit("main");
  await comeIn();
  act(() => newest().session.media.microphone.want(true));
  refused.set("room", "room-full");
  await goToRoom();
  expect(tokens()).toEqual(["main", "room", "main"]);
  expect(kept.mock.calls.map(([token]) => token)).toEqual(["room", "main"]);

  await comeIn();
  expect(newest().engine.calls).toContain("microphone true");
  expect(told()).toEqual([{ key: "breakout.notEntered.full" }]);
});

test("a reload in a room that has ended meanwhile leads to the main room, with the newest token for it", async () => {
  visit("main");
  await comeIn();
  await goToRoom();
  await comeIn({ is_breakout_room: true, parent_room_id: "main" });
  cleanup();
  entered.length = 0;
  refused.set("room", "room-not-active");

  visit("room");
  await act(flush);
  expect(tokens()).toEqual(["room", "main later"]);
  await comeIn();
  expect(told()).toEqual([{ key: "breakout.notEntered.over" }]);
});

test("whoever was sent out of a room is told so in the main room", async () => {
  visit("main");
  await comeIn();
  await goToRoom();
  await comeIn({ is_breakout_room: true, parent_room_id: "main" });
  const removed = "notifications.room-disconnected-participant-removed";
  await act(async () => {
    newest().emit(Event.SESSION_ENDED, removed);
    await flush();
  });
  expect(tokens()).toEqual(["main", "room", "main later"]);
  await comeIn();
  expect(told()).toEqual([{ key: "breakout.sentOut" }]);
});

test("a way out of another room is none", async () => {
  keepWayBack(sessionStorage, "room", "main");
  refused.set("elsewhere", "room-not-active");
  visit("elsewhere");
  await act(flush);
  expect(tokens()).toEqual(["elsewhere"]);
});

test("where neither the room nor the main room lets one in, that is the end", async () => {
  visit("main");
  await comeIn();
  refused.set("room", "room-not-active").set("main", "room-not-active");
  await goToRoom();
  expect(tokens()).toEqual(["main", "room", "main"]);
  expect(screen.getByRole("heading", { name: "This meeting is not running" })).toBeTruthy();
});

test("who has gone goes into no room whose token comes later", async () => {
  visit("main");
  await comeIn();
  const going = goToRoom();
  act(() => newest().session.leave());
  await going;
  expect(tokens()).toEqual(["main"]);
});

test.each([
  ["room-not-active", true, false],
  ["network", true, false],
  ["room-ended", true, true],
  ["removed", true, true],
  ["left", false, false],
  ["duplicate", false, false],
] as const)("after %s one goes on: %s on the way in, %s from within", (code, onTheWay, within) => {
  for (const [at, goesOn] of [
    ["entering", onTheWay],
    ["meeting", within],
  ] as const) {
    const phase = createStore<Phase>({ at: "checking" });
    const way = createWayBack({ phase }, "main", () => undefined);
    phase.set({ at });
    expect(way.after({ code, detail: "" })).toBe(goesOn ? "main" : null);
  }
});

const kept = vi.fn<(token: string) => void>();

function visit(token: string) {
  kept.mockClear();
  const nothing = () => undefined;
  render(
    <PrefsContext value={createPrefs(null)}>
      <Visit token={token} onToken={kept} onHome={nothing} holdBack={() => nothing} />
    </PrefsContext>,
  );
}

const told = () =>
  newest()
    .session.notices.getSnapshot()
    .map(({ text }) => text);

const tokens = () => entered.map(({ token }) => token);

function newest(): FakeServer {
  const last = entered.at(-1);
  if (!last) throw new Error("nothing was entered");
  return last.server;
}

/** Into the meeting, with the screen loaded. */
async function comeIn(metadata: object = {}) {
  const server = newest();
  await act(() => server.enter([ANA, BEN], metadata));
  await screen.findByRole("button", { name: "Chat" }, { timeout: 5_000 });
  await act(flush);
}

/** By the invitation of a host. */
async function goToRoom() {
  const { emit, session } = newest();
  act(() => emit(Event.JOIN_BREAKOUT_ROOM, "room-1"));
  const invitation = session.notices.getSnapshot().find(({ group }) => group === "breakout");
  await act(async () => {
    invitation?.action?.run();
    await flush();
  });
}
