import { afterEach, beforeEach, expect, test, vi } from "vitest";
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
  ({ group: "joined", name, text: { key: "notice.joined" } }) as const;

test("notices of one kind merge while the first is still up", () => {
  for (const name of ["Ana", "Ben", "Cat"]) notices.show(joined(name));
  expect(notices.getSnapshot()).toMatchObject([{ names: ["Ana", "Ben", "Cat"] }]);
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
