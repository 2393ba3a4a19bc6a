// What the scenes behind bad lines are judged by, on arrivals as they were seen; see `../network/judges.mjs`.
import assert from "node:assert/strict";
import { test } from "node:test";

import { untilGood } from "../network/judges.mjs";

const VOICE = { kind: "audio", seconds: 8, packets: 50, lost: 0, concealed: 0.004, loudness: 0.97 };
const PICTURE = { kind: "video", seconds: 8, packets: 60, rate: 9.8, frozen: 0.02, still: 0.3 };

/** Three who hear and see each other; `change` gets every stream, and says what is otherwise. */
const meeting = (change = () => ({})) =>
  [0, 1, 2].map((person) =>
    [VOICE, VOICE, PICTURE, PICTURE].map((stream, at) => ({
      ...stream,
      ...change(stream, person, at),
    })),
  );
/** The first voice of the last of them. */
const oneVoice = (change) => meeting((_, person, at) => (person === 2 && at === 0 ? change : {}));

const GOOD = meeting();
const SILENT = meeting(({ kind }) => (kind === "audio" ? { loudness: 0.1 } : {}));
const FROZEN = meeting(({ kind }) => (kind === "video" ? { rate: 1.2, still: 4.1 } : {}));

/** What comes of these stretches, and how many of them were looked at. */
async function judged(stretches) {
  let seen = 0;
  const arrive = async () => stretches[seen++];
  const outcome = await untilGood("it", arrive).then(
    (arrived) => ({ arrived }),
    ({ message }) => ({ message }),
  );
  return { ...outcome, seen };
}

test("the first stretch in which everything is within bounds is enough", async () => {
  assert.deepEqual(await judged([GOOD, SILENT]), { arrived: GOOD, seen: 1 });
  assert.deepEqual(await judged([FROZEN, SILENT, GOOD]), { arrived: GOOD, seen: 3 });
});

test("voices that were well before the pictures were are no excuse for voices that break", async () => {
  const { message, seen } = await judged([FROZEN, SILENT, SILENT, SILENT]);
  assert.equal(seen, 4);
  assert.match(message, /^it: a voice as loud as 0\.10/);
});

test("nor are pictures that were well before the voices were", async () => {
  const { message, seen } = await judged([SILENT, FROZEN, FROZEN, FROZEN]);
  assert.equal(seen, 4);
  assert.match(message, /^it: 1\.2 pictures a second; no new picture for 4\.1 s/);
});

test("a voice that is missing is one too few", async () => {
  const without = GOOD.map((streams) => streams.slice(1));
  assert.match((await judged(Array(4).fill(without))).message, /^it: 1 voices/);
});

test("of a voice that lost nothing little may be made up", async () => {
  const stretch = oneVoice({ concealed: 0.031 });
  assert.match((await judged(Array(4).fill(stretch))).message, /3\.1 % of a voice made up$/);
  assert.ok((await judged([oneVoice({ concealed: 0.029 })])).arrived);
});

test("of those that lost something more may be, on the whole and of each", async () => {
  const lossy = (concealed) =>
    meeting(({ kind }) => (kind === "audio" ? { lost: 20, concealed } : {}));
  assert.ok((await judged([lossy(0.023)])).arrived);
  assert.match(
    (await judged(Array(4).fill(lossy(0.045)))).message,
    /4\.5 % of the voices made up of which something was lost$/,
  );

  // On the whole it were 2.5 %.
  const broken = lossy(0.01);
  Object.assign(broken[2][0], { concealed: 0.1 });
  assert.match(
    (await judged(Array(4).fill(broken))).message,
    /^it: 10\.0 % of a voice made up of which something was lost$/,
  );
});
