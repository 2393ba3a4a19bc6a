import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import DOMPurify from "dompurify";
import { afterEach, expect, test, vi } from "vitest";
import { ANA, BEN, CAT, id } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import type { ChatLine } from "../../wire/types";
import { ChatPanel } from ".";
import type * as Real from "./line-menu";
import { LineMenu } from "./line-menu";

/** Each line has one: how often it is drawn tells how often a line is. */
vi.mock("./line-menu", async (load) => {
  const real = await load<typeof Real>();
  return { LineMenu: vi.fn(real.LineMenu) };
});

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

/** The tests' DOM loses the first node while it is being sanitised; browsers do not. */
const LOST = "<i></i>";
const BEGAN = 1_700_000_000_000;
/** A minute apart, so that lines of one person are one group. */
const line = (number: number, from: string, replyTo?: string): ChatLine => ({
  id: `m${number}`,
  from: id(from),
  fromName: from,
  fromAdmin: false,
  to: null,
  sentAt: BEGAN + number * 60_000,
  html: `${LOST}line ${number}`,
  ...(replyTo === undefined ? {} : { replyTo }),
});

async function talk(lines: readonly ChatLine[]) {
  const now = await meeting([ANA, BEN, CAT]);
  now.visit.session.chat.merge(lines);
  now.show(<ChatPanel />);
  return now;
}

const many = (count: number, from = (number: number) => (number % 3 === 0 ? "cat" : "ben")) =>
  Array.from({ length: count }, (_, number) => line(number, from(number)));
// By class: the tests' DOM takes seconds to find roles and names among so many elements.
const log = () => document.querySelector<HTMLElement>(".messages") ?? document.body;
const drawn = () => log().querySelectorAll(".message").length;
const menus = () => [...log().querySelectorAll<HTMLElement>(".line-more")];
const earlier = () => log().querySelector(".messages-earlier");

test("a line costs no more in a long chat, and a raised hand nothing", async () => {
  const { server } = await talk(many(500));
  const sanitize = vi.spyOn(DOMPurify, "sanitize");
  const drawings = vi.mocked(LineMenu).mock.calls;
  drawings.length = 0;

  act(() => server.chat(BEN, `${LOST}one more`));
  expect(screen.getByText("one more")).toBeTruthy();
  expect(sanitize.mock.calls.length).toBeLessThan(5);
  expect(drawings.length).toBeLessThan(5);

  sanitize.mockClear();
  drawings.length = 0;
  act(() => server.changed({ ...CAT, hand: 5 }));
  act(() => server.changed({ ...ANA, hand: 6 }));
  expect(sanitize).not.toHaveBeenCalled();
  expect(drawings).toHaveLength(0);
});

test("the newest lines of a long chat are drawn, and earlier ones when asked for", async () => {
  await talk(many(70));
  expect(drawn()).toBe(50);
  expect(screen.queryByText("line 19")).toBeNull();

  fireEvent.click(earlier() as Element);
  expect(drawn()).toBe(70);
  expect(earlier()).toBeNull();
  expect(document.activeElement).toBe(log());
});

test("the first lines go as others come, and no other is made anew: also in one long speech", async () => {
  const { server } = await talk(many(80, () => "ben"));
  const kept = screen.getByText("line 60");

  act(() => server.chat(CAT, "may I?"));

  expect(drawn()).toBe(50);
  expect(screen.queryByText("line 30")).toBeNull();
  expect(screen.getByText("line 60")).toBe(kept);
});

/** The list as if it were laid out, 20 pixels a line. */
function layOut(list: HTMLElement) {
  Object.defineProperty(list, "clientHeight", { get: () => 400 });
  Object.defineProperty(list, "scrollHeight", { get: () => drawn() * 20 });
}

test("earlier lines come by scrolling up, above what one reads, which stays where it is and drawn", async () => {
  const { server } = await talk(many(120));
  const list = log();
  layOut(list);

  list.scrollTop = 300;
  fireEvent.scroll(list);
  expect(drawn()).toBe(100);
  expect(list.scrollTop).toBe(1_300);

  act(() => server.chat(BEN, "one more"));
  expect(drawn()).toBe(101);
  expect(list.scrollTop).toBe(1_300);

  list.scrollTop = 1_620;
  fireEvent.scroll(list);
  expect(drawn()).toBe(50);
});

test("where the lines do not fill the screen, earlier ones are there at once", async () => {
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(1_200);
  vi.spyOn(HTMLElement.prototype, "scrollHeight", "get").mockImplementation(() => drawn() * 20);
  await talk(many(120));
  expect(drawn()).toBe(100);
});

test("a press on what a line answers leads there, however long ago it was", async () => {
  await talk([...many(100), line(100, "cat", "m20")]);
  expect(screen.queryAllByText("line 20")).toHaveLength(1);

  fireEvent.click(screen.getByText("line 20"));

  expect(document.activeElement?.id).toBe("line-m20");
});

test("the arrow keys go on above the first line that is drawn", async () => {
  await talk(many(70));
  const [first] = menus();
  first?.focus();

  fireEvent.keyDown(first as HTMLElement, { key: "ArrowUp" });

  expect(document.activeElement).toBe(menus()[19]);
  fireEvent.keyDown(document.activeElement as HTMLElement, { key: "ArrowDown" });
  expect(document.activeElement).toBe(first);
});

test("the search finds what is not drawn", async () => {
  await talk(many(80));
  fireEvent.click(screen.getByLabelText("Search messages"));
  fireEvent.change(screen.getByPlaceholderText(/Search/u), { target: { value: "LINE 7" } });
  expect(screen.getByText("line 7")).toBeTruthy();
  expect(drawn()).toBe(11);
});

test("where what is new begins is marked, also further up than what is drawn", async () => {
  const { server, show } = await talk(many(10));
  cleanup();
  for (let number = 0; number < 60; number += 1) server.chat(BEN, `${LOST}news ${number}`);
  show(<ChatPanel />);
  expect(screen.queryByText("New")).toBeNull();

  fireEvent.click(earlier() as Element);

  const mark = screen.getByText("New").closest("p");
  expect(mark?.nextElementSibling?.textContent).toContain("news 0");
});
