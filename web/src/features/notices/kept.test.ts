import { expect, test } from "vitest";
import { createFakeStorage } from "../../../tests/values";
import { createNoticeStore } from "../../session/notices";
import { forget } from "../../kit/tab-storage";
import { keyFor, load, save } from "./kept";

const KEY = keyFor("sid", "ana");

test("the list comes back after a reload, without what it offered to do", () => {
  const place = createFakeStorage();
  const before = createNoticeStore(() => 7);
  before.show({
    level: "warning",
    about: { id: "ben", name: "Ben" },
    text: { key: "notice.handRaised" },
    action: { key: "toolbar.unmute", run: () => undefined },
    panel: "people",
  });
  save(place, KEY, before.history.getSnapshot().all);

  const after = createNoticeStore(() => 9);
  after.show({ text: { plain: "new" } });
  after.restore(load(place, KEY));

  const { all, unseen } = after.history.getSnapshot();
  expect(all.map(({ text, at, action, panel }) => [text, at, action, panel])).toEqual([
    [{ plain: "new" }, 9, null, null],
    [{ key: "notice.handRaised" }, 7, null, "people"],
  ]);
  expect([...(all[1]?.about ?? [])]).toEqual([["ben", "Ben"]]);
  expect(unseen).toBe(1);
  expect(new Set(all.map(({ id }) => id)).size).toBe(2);
});

test("what is damaged is left out, the rest stays", () => {
  const place = createFakeStorage();
  const good = { level: "info", group: null, about: [], text: { plain: "good" }, at: 1 };
  const bad = [
    null,
    3,
    {},
    { ...good, level: "loud" },
    { ...good, text: {} },
    { ...good, at: "1" },
  ];
  place.setItem(KEY, JSON.stringify([...bad, good]));
  expect(load(place, KEY).map(({ text }) => text)).toEqual([{ plain: "good" }]);

  place.setItem(KEY, "{");
  expect(load(place, KEY)).toEqual([]);
});

test("nothing to store it in only means an empty list", () => {
  const full = {
    ...createFakeStorage(),
    setItem: () => {
      throw new Error("full");
    },
  };
  save(full, KEY, []);
  expect(load(null, KEY)).toEqual([]);
  forget(null, KEY);
});
