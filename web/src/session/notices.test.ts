import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createNoticeStore, type NoticeStore } from "./notices";

let notices: NoticeStore;
beforeEach(() => {
  vi.useFakeTimers();
  notices = createNoticeStore();
});
afterEach(() => {
  notices.dispose();
  vi.useRealTimers();
});

const joined = (name: string) =>
  ({ group: "joined", about: { id: name, name }, text: { key: "notice.joined" } }) as const;

const shownNames = () => notices.getSnapshot().map(({ about }) => [...about.values()]);

test("notices of one kind merge while the first is still up", () => {
  for (const name of ["Ana", "Ben", "Cat"]) notices.show(joined(name));
  expect(shownNames()).toEqual([["Ana", "Ben", "Cat"]]);
});

test("a merged notice stays as long as a new one would", () => {
  notices.show(joined("Ana"));
  vi.advanceTimersByTime(4_000);
  notices.show(joined("Ben"));
  vi.advanceTimersByTime(4_000);
  expect(notices.getSnapshot()).toHaveLength(1);
  vi.advanceTimersByTime(1_000);
  expect(notices.getSnapshot()).toHaveLength(0);
});

test("what must be seen stays until it is dismissed", () => {
  const id = notices.show({ text: { plain: "stay" }, sticky: true });
  vi.advanceTimersByTime(600_000);
  expect(notices.getSnapshot()).toHaveLength(1);
  notices.dismiss(id);
  expect(notices.getSnapshot()).toHaveLength(0);
});

test("a flood never covers the stage: the oldest makes room", () => {
  for (let i = 0; i < 50; i += 1) notices.show({ text: { plain: `n${i}` } });
  expect(notices.getSnapshot().map(({ text }) => text)).toEqual(
    [46, 47, 48, 49].map((i) => ({ plain: `n${i}` })),
  );
});

test("who comes and goes and comes again counts once", () => {
  for (const name of ["Ana", "Ben", "Ana"]) notices.show(joined(name));
  expect(shownNames()).toEqual([["Ana", "Ben"]]);
});

test("nothing goes while somebody reads it, and afterwards there is time again", () => {
  notices.show(joined("Ana"));
  notices.hold(true);
  notices.show({ text: { plain: "came meanwhile" } });
  vi.advanceTimersByTime(60_000);
  expect(notices.getSnapshot()).toHaveLength(2);
  notices.hold(false);
  vi.advanceTimersByTime(4_999);
  expect(notices.getSnapshot()).toHaveLength(2);
  vi.advanceTimersByTime(1);
  expect(notices.getSnapshot()).toHaveLength(0);
});

describe("the list of what was said", () => {
  const list = () => notices.history.getSnapshot();

  test("keeps what has gone, newest first, merged as it was shown", () => {
    notices.show(joined("Ana"));
    notices.show({ text: { plain: "first" } });
    notices.show(joined("Ben"));
    vi.advanceTimersByTime(60_000);
    expect(list().all.map(({ text, about }) => [text, about.size])).toEqual([
      [{ key: "notice.joined" }, 2],
      [{ plain: "first" }, 0],
    ]);
  });

  test("counts what nobody has looked at yet", () => {
    notices.show(joined("Ana"));
    notices.show(joined("Ben"));
    notices.show({ text: { plain: "x" } });
    expect(list().unseen).toBe(2);
    notices.seen();
    expect(list().unseen).toBe(0);
    notices.show(joined("Cat"));
    expect(list().unseen).toBe(1);
  });

  test("leaves out hints, and never grows without end", () => {
    notices.show({ text: { plain: "hint" }, passing: true });
    expect(list().all).toHaveLength(0);
    for (let i = 0; i < 150; i += 1) notices.show({ text: { plain: `n${i}` } });
    expect(list().all).toHaveLength(100);
  });
});
