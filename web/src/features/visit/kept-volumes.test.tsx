import { act, cleanup } from "@testing-library/react";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ANA, BEN, CAT, id } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { NatsMsgServerToClientEvents as Event } from "../../wire/gen/plugnmeet/messaging_pb";
import { keyFor, load } from "./kept-volumes";
import { useKeptVolumes } from "./use-kept-volumes";

const KEY = keyFor("sid", "ana");

beforeEach(() => window.sessionStorage.clear());
afterEach(cleanup);

function Keeping() {
  useKeptVolumes();
  return null;
}

test("the volume of a person is as it was after a reload of the page", async () => {
  const before = await meeting([ANA, BEN, CAT]);
  before.show(<Keeping />);
  act(() => before.visit.ui.setVolume(id("ben"), 0.3));
  cleanup();

  const after = await meeting([ANA, BEN, CAT]);
  after.show(<Keeping />);
  expect([...after.visit.ui.getSnapshot().volumes]).toEqual([["ben", 0.3]]);
});

test("the end of the meeting is the end of it, leaving is not", async () => {
  for (const [ending, left] of [
    ["room-disconnected-room-ended", 0],
    ["room-disconnected-network-error", 1],
  ] as const) {
    const { server, visit, show } = await meeting([ANA, BEN]);
    show(<Keeping />);
    act(() => visit.ui.setVolume(id("ben"), 0.5));
    act(() => server.emit(Event.SESSION_ENDED, `notifications.${ending}`));
    cleanup();
    expect(load(window.sessionStorage, KEY).size).toBe(left);
  }
});

test("what is no volume is not taken for one", () => {
  const kept = { ana: 0.5, ben: 7, cat: "loud", dan: null };
  window.sessionStorage.setItem(KEY, JSON.stringify(kept));
  expect([...load(window.sessionStorage, KEY)]).toEqual([["ana", 0.5]]);
  window.sessionStorage.setItem(KEY, "[");
  expect(load(window.sessionStorage, KEY).size).toBe(0);
  expect(load(null, KEY).size).toBe(0);
});
