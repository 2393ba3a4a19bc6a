import { expect, test } from "vitest";
import { createNoticeStore } from "../../session/notices";
import { forget } from "../../kit/tab-storage";
import { keyFor, load, save } from "./kept";

function storage(): Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  const all = new Map<string, string>();
  return {
    getItem: (key) => all.get(key) ?? null,
    setItem: (key, value) => void all.set(key, value),
    removeItem: (key) => void all.delete(key),
  };
}

const KEY = keyFor("sid", "ana");

test("the list comes back after a reload, without what it offered to do", () => {
  const place = storage();
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
  const place = storage();
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
    ...storage(),
    setItem: () => {
      throw new Error("full");
    },
  };
  save(full, KEY, []);
  expect(load(null, KEY)).toEqual([]);
  forget(null, KEY);
});
