import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ANA } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { Notices } from ".";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const left = () => screen.queryAllByRole("listitem").length;
const dismissals = () => screen.getAllByRole("button", { name: "Dismiss" });
const wait = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

async function withNotices(...words: readonly string[]) {
  const { visit, show } = await meeting([ANA]);
  show(<Notices />);
  const { notices } = visit.session;
  act(() => {
    for (const id of notices.getSnapshot().map((notice) => notice.id)) notices.dismiss(id);
    for (const plain of words) notices.show({ text: { plain } });
  });
  return notices;
}

test("after one notice is dismissed by key the others go when their time is over", async () => {
  await withNotices("one", "two", "three");
  const [first] = dismissals();
  act(() => first?.focus());
  await wait(60_000);
  expect(left()).toBe(3);

  fireEvent.click(first as HTMLElement);
  expect(left()).toBe(2);
  await wait(6_000);

  expect(left()).toBe(0);
});

test("after one notice is dismissed by finger the others go when their time is over", async () => {
  await withNotices("one", "two");
  const [first] = dismissals();
  const list = screen.getByRole("list", { name: "Notices" });
  // A finger has left again before what it touched has the focus.
  fireEvent.pointerEnter(list);
  fireEvent.pointerLeave(list);
  act(() => first?.focus());

  fireEvent.click(first as HTMLElement);
  await wait(6_000);

  expect(left()).toBe(0);
});

test("notices wait while one goes through them by key, and while one points at them", async () => {
  await withNotices("one", "two");
  const [first, second] = dismissals();
  act(() => first?.focus());
  act(() => second?.focus());
  const list = screen.getByRole("list", { name: "Notices" });
  fireEvent.pointerEnter(list);
  fireEvent.pointerLeave(list);
  await wait(60_000);
  expect(left()).toBe(2);

  act(() => second?.blur());
  await wait(6_000);
  expect(left()).toBe(0);
});

test("one that comes gives those before it no more time", async () => {
  const notices = await withNotices("one");
  await wait(4_000);
  act(() => void notices.show({ text: { plain: "two" } }));
  await wait(2_000);
  expect(left()).toBe(1);
});

test("a notice leads to the panel it is about, unless that is open", async () => {
  const { visit, show } = await meeting([ANA]);
  show(<Notices />);
  act(() => void visit.session.notices.show({ text: { plain: "one" }, panel: "waiting" }));
  expect(screen.getByRole("button", { name: "Show" })).toBeTruthy();

  act(() => visit.ui.showPanel("waiting"));
  expect(screen.queryByRole("button", { name: "Show" })).toBeNull();

  act(() => visit.ui.showPanel("people"));
  fireEvent.click(screen.getByRole("button", { name: "Show" }));
  expect(visit.ui.getSnapshot().panel).toBe("waiting");
});
