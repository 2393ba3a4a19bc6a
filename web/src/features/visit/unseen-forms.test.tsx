import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ANA, BEN, commonAnswer, flush } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import type { Panel } from "../../session/prefs";
import MeetingScreen from "./meeting-screen";

afterEach(() => {
  cleanup();
  sessionStorage.clear();
});

const ROOMS = {
  room_features: { breakout_room_features: { is_allow: true, allowed_number_rooms: 6 } },
};
/** Panels are fetched when they are first opened. */
const press = async (name: string) => fireEvent.click(await screen.findByRole("button", { name }));
const write = (name: string, value: string) =>
  fireEvent.change(screen.getByRole("textbox", { name }), { target: { value } });

async function fillPoll() {
  await press("New poll");
  write("Question", "Tea or coffee?");
  write("Answer 1", "Tea");
  write("Answer 2", "Coffee");
  await press("Start the poll");
}

async function fillRooms() {
  await press("Create breakout rooms");
  fireEvent.click(screen.getByRole("radio", { name: "Everybody chooses" }));
  await press("Open the rooms");
}

/** A host has sent a form, which is on its way. */
async function sent(panel: Panel, path: string, fill: () => Promise<void>) {
  const { server, visit, show } = await meeting([ANA, BEN], ROOMS);
  const answer = server.hold(path);
  visit.ui.showPanel(panel);
  show(<MeetingScreen />);
  await fill();
  await act(flush);
  const said = () =>
    server.session.notices.history
      .getSnapshot()
      .all.flatMap(({ level, text }) => (level === "error" && "key" in text ? [text.key] : []));
  return { visit, answer: (no: string) => act(() => answer(commonAnswer(false, no))), said };
}

test.each([
  ["polls", "polls/create", fillPoll, "The poll was not started. That did not work."],
  ["breakout", "breakoutRoom/create", fillRooms, "The rooms were not opened. That did not work."],
] as const)(
  "whoever has closed %s hears at once that what they sent was refused, and gets back by one press",
  async (panel, path, fill, words) => {
    const { visit, answer, said } = await sent(panel, path, fill);
    act(() => visit.ui.showPanel(null));

    await answer("");
    expect(said()).toHaveLength(1);
    const notice = screen.getByText(new RegExp(words, "u")).closest("li");
    const back = screen.getByRole("button", { name: "Show" });
    expect(notice?.contains(back)).toBe(true);

    act(() => back.focus());
    fireEvent.click(back);
    expect((await screen.findByRole("alert")).textContent).toMatch(/did not work/u);
    expect(screen.getByRole("complementary").contains(document.activeElement)).toBe(true);
    expect(screen.queryByText(new RegExp(words, "u"))).toBeNull();
    expect(said()).toHaveLength(1);
  },
);

test("whoever has the form before them reads it there alone", async () => {
  const { answer, said } = await sent("polls", "polls/create", fillPoll);

  await answer("this room has too many polls");

  expect(screen.getByRole("alert").textContent).toMatch(/polls/u);
  expect(said()).toEqual([]);
});
