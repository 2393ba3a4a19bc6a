import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ANA, BEN, commonAnswer, flush, type FakeServer } from "../../../tests/fakes";
import { pollWith } from "../../../tests/values";
import { meeting } from "../../../tests/visit";
import type { Poll } from "../../wire/activities";
import { PollsPanel } from ".";
import { PollCard } from "./poll-card";

afterEach(cleanup);

const field = (name: string) => screen.getByRole<HTMLInputElement>("textbox", { name });
const create = () => fireEvent.click(screen.getByRole("button", { name: "New poll" }));

test("a poll that is being written is still there after a look at another panel, and not after it was given up", async () => {
  const { show } = await meeting([ANA, BEN]);
  const { unmount } = show(<PollsPanel />);
  create();
  fireEvent.change(field("Question"), { target: { value: "Tea or coffee?" } });
  fireEvent.change(field("Answer 2"), { target: { value: "Coffee" } });
  fireEvent.click(screen.getByRole("checkbox", { name: /anonymous/iu }));
  unmount();

  show(<PollsPanel />);
  expect(field("Question").value).toBe("Tea or coffee?");
  expect(field("Answer 2").value).toBe("Coffee");
  expect(screen.getByRole<HTMLInputElement>("checkbox", { name: /anonymous/iu }).checked).toBe(
    true,
  );

  fireEvent.click(screen.getByRole("button", { name: "Cancel" }));
  create();
  expect(field("Question").value).toBe("");
});

const created = (server: FakeServer) =>
  server.asked.filter(({ path }) => path === "polls/create").length;
const start = () => fireEvent.click(screen.getByRole("button", { name: "Start the poll" }));

/** A poll is on its way, and its panel was closed and opened again. */
async function sentAndReopened() {
  const { server, show } = await meeting([ANA, BEN]);
  const answer = server.hold("polls/create");
  const { unmount } = show(<PollsPanel />);
  create();
  fireEvent.change(field("Question"), { target: { value: "Tea or coffee?" } });
  fireEvent.change(field("Answer 1"), { target: { value: "Tea" } });
  fireEvent.change(field("Answer 2"), { target: { value: "Coffee" } });
  start();
  await act(flush);
  unmount();
  show(<PollsPanel />);
  return { server, answer };
}

test("a poll whose form is closed while it is sent is not sent twice, and its form is gone once it was", async () => {
  const { server, answer } = await sentAndReopened();
  const again = screen.getByRole<HTMLButtonElement>("button", { name: "Sending…" });
  expect(again.disabled).toBe(true);
  fireEvent.submit(again.closest("form") as HTMLElement);
  await act(flush);
  expect(created(server)).toBe(1);

  await act(() => answer(commonAnswer(true)));
  expect(screen.queryByRole("textbox", { name: "Question" })).toBeNull();
  expect(screen.getByRole("button", { name: "New poll" })).toBeTruthy();
});

test("a poll that was refused while its form was closed is still there with the reason", async () => {
  const { server, answer } = await sentAndReopened();
  await act(() => answer(commonAnswer(false, "this room has too many polls")));
  expect(screen.getByRole("alert").textContent).toMatch(/polls/u);
  expect(field("Question").value).toBe("Tea or coffee?");

  start();
  await act(flush);
  expect(created(server)).toBe(2);
});

const TEA = pollWith();
const CAKE = pollWith({ id: "cake", question: "Cake?" });
const card = (poll: Poll) => <PollCard poll={poll} vote={null} result={null} isHost={false} />;
const chosen = () =>
  screen.getAllByRole<HTMLInputElement>("checkbox").map(({ checked }) => checked);

test("what is chosen in a poll is still chosen after a look at another panel, in that poll alone", async () => {
  const { show } = await meeting([BEN, ANA]);
  const { unmount } = show(card(TEA));
  fireEvent.click(screen.getByRole("checkbox", { name: "Coffee" }));
  unmount();

  show(card(TEA)).unmount();
  const other = show(card(CAKE));
  expect(chosen()).toEqual([false, false]);
  other.unmount();
  show(card(TEA));
  expect(chosen()).toEqual([false, true]);
});

test("a vote is sent once, whatever panel is open meanwhile, and says why it was refused", async () => {
  const { server, show } = await meeting([BEN, ANA]);
  const answer = server.hold("polls/submitResponse");
  const { unmount } = show(card(TEA));
  fireEvent.click(screen.getByRole("checkbox", { name: "Coffee" }));
  fireEvent.click(screen.getByRole("button", { name: "Vote" }));
  unmount();
  show(card(TEA));
  fireEvent.click(screen.getByRole("button", { name: "Sending…" }));
  await act(flush);
  expect(server.asked.filter(({ path }) => path === "polls/submitResponse")).toHaveLength(1);

  await act(() => answer(commonAnswer(false)));
  expect(screen.getByRole("alert").textContent).toBe("That did not work. Please try again.");
  expect(chosen()).toEqual([false, true]);
});
