import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ANA, BEN, CAT, commonAnswer, flush } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { together } from "../../session/together";
import { BreakoutPanel } from "./breakout-panel";
import { TellRooms } from "./tell-rooms";

afterEach(cleanup);

const ROOMS = {
  room_features: { breakout_room_features: { is_allow: true, allowed_number_rooms: 6 } },
};
const title = () => screen.getByRole<HTMLInputElement>("textbox", { name: "Name of room 2" });
const roomOf = (name: string) => screen.getByRole<HTMLSelectElement>("combobox", { name });

test("rooms that are being planned are still there after a look at another panel", async () => {
  const { show } = await meeting([ANA, BEN, CAT], ROOMS);
  const { unmount } = show(<BreakoutPanel />);
  fireEvent.click(screen.getByRole("button", { name: "Create breakout rooms" }));
  fireEvent.change(roomOf("Ben"), { target: { value: "0" } });
  fireEvent.change(roomOf("Cat"), { target: { value: "1" } });
  fireEvent.change(title(), { target: { value: "Painters" } });
  unmount();

  show(<BreakoutPanel />);
  expect(roomOf("Ben").value).toBe("0");
  expect(roomOf("Cat").value).toBe("1");
  expect(title().value).toBe("Painters");
});

test("a word to all rooms is still there after a look at another panel", async () => {
  const { visit, show } = await meeting([ANA, BEN]);
  const { breakouts, forms } = together(visit.session);
  const bar = <TellRooms breakouts={breakouts} draft={forms.tell} />;
  const { unmount } = show(bar);
  fireEvent.change(screen.getByRole("textbox"), { target: { value: "Five minutes" } });
  unmount();

  show(bar);
  expect(screen.getByRole<HTMLInputElement>("textbox").value).toBe("Five minutes");
});

test("rooms whose form is closed while they are made are not made twice, and the form is gone once they are", async () => {
  const { server, show } = await meeting([ANA, BEN, CAT], ROOMS);
  const answer = server.hold("breakoutRoom/create");
  const { unmount } = show(<BreakoutPanel />);
  fireEvent.click(screen.getByRole("button", { name: "Create breakout rooms" }));
  fireEvent.click(screen.getByRole("radio", { name: "Everybody chooses" }));
  fireEvent.click(screen.getByRole("button", { name: "Open the rooms" }));
  unmount();

  show(<BreakoutPanel />);
  const again = screen.getByRole<HTMLButtonElement>("button", { name: "Sending…" });
  expect(again.disabled).toBe(true);
  fireEvent.submit(again.closest("form") as HTMLElement);
  await act(flush);
  expect(server.asked.filter(({ path }) => path === "breakoutRoom/create")).toHaveLength(1);

  await act(() => answer(commonAnswer(true)));
  expect(screen.getByRole("button", { name: "Create breakout rooms" })).toBeTruthy();
});

test("a word to all rooms is told once, and what was wrong with it stands beside it", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  const { breakouts, forms } = together(visit.session);
  const answer = server.hold("breakoutRoom/sendMsg");
  const bar = <TellRooms breakouts={breakouts} draft={forms.tell} />;
  const { unmount } = show(bar);
  const box = () => screen.getByRole<HTMLInputElement>("textbox");
  fireEvent.change(box(), { target: { value: "Five minutes" } });
  fireEvent.submit(box());
  unmount();
  show(bar);
  fireEvent.submit(box());
  expect(server.asked.filter(({ path }) => path === "breakoutRoom/sendMsg")).toHaveLength(1);

  await act(() => answer(commonAnswer(false)));
  expect(screen.getByRole("alert").textContent).toBe("That did not work. Please try again.");
  fireEvent.submit(box());
  await act(flush);
  await act(() => answer(commonAnswer(true)));
  expect(box().value).toBe("");
});
