import { cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ANA, BEN, CAT } from "../../../tests/fakes";
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
