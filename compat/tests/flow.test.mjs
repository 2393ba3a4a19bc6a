// What counts as frozen in the tests of media.
import assert from "node:assert/strict";
import test from "node:test";

import { freezes } from "../lib/flow.mjs";

/** Two seconds, ten looks each: how many pictures there are by then. */
const looks = (count) => Array.from({ length: 21 }, (_, index) => [index * 100, count(index)]);
const seen = (count) => looks(count).map(([at, shown]) => ({ at, shown }));
const sent = (count) => looks(count).map(([at, by]) => ({ at, sent: { q: by, h: by } }));
const flowing = (index) => index + 1;

test("pictures that come as they are sent do not freeze", () => {
  assert.deepEqual(freezes(sent(flowing), seen(flowing)), []);
});

test("a picture that stands still for a second while others are sent is frozen", () => {
  const found = freezes(
    sent(flowing),
    seen((index) => (index < 5 ? index + 1 : Math.max(5, index - 10))),
  );

  assert.equal(found.length, 1);
  assert.deepEqual([found[0].from, found[0].ms], [400, 1_100]);
});

test("one that stands still because nothing is sent is not, and neither is one in a size that is not sent", () => {
  const still = seen((index) => Math.min(index + 1, 5));
  assert.deepEqual(
    freezes(
      sent((index) => Math.min(index, 6)),
      still,
    ),
    [],
  );

  const one = sent(flowing).map(({ at, sent: { q } }) => ({ at, sent: { q, h: Math.min(q, 6) } }));
  assert.deepEqual(freezes(one, still), []);
});
