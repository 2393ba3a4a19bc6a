// What somebody sees and hears over a stretch of a meeting: the browser's counters of every incoming stream, looked at several
// times a second. The stretch is measured by the sound played out, which goes on however bad the line is.
import { until } from "./until.mjs";

/** Sound is played at this rate, heard or made up. */
const SAMPLES_A_SECOND = 48_000;
/** How often the counters are looked at. */
const EVERY_MS = 200;
/** Without anything new for so long a stream stands still. Cameras give a picture every 100 ms, microphones sound all the time. */
const STANDS_STILL_MS = 500;
/** What breaks a line shows in every stream by then: what was on its way and what was kept against jitter has been played. */
const SHOWS_AFTER_MS = 1_000;

/** Begins to note what arrives at a page. Needs `rememberPeerConnections`. */
export function watchArrival(page) {
  return page.evaluate((every) => {
    const notes = [];
    window.__arrival = notes;
    const look = async () => {
      const open = window.__peerConnections.filter((pc) => pc.connectionState !== "closed");
      const reports = await Promise.all(open.map((pc) => pc.getStats()));
      const entries = reports.flatMap((report) => [...report.values()]);
      const incoming = entries.filter(
        (entry) => entry.type === "inbound-rtp" && entry.packetsReceived > 0,
      );
      const streams = incoming.map((entry) => [
        entry.trackIdentifier,
        {
          kind: entry.kind,
          packets: entry.packetsReceived,
          lost: entry.packetsLost ?? 0,
          frames: entry.framesDecoded ?? 0,
          frozen: entry.totalFreezesDuration ?? 0,
          samples: entry.totalSamplesReceived ?? 0,
          concealed: entry.concealedSamples ?? 0,
          energy: entry.totalAudioEnergy ?? 0,
        },
      ]);
      notes.push({ at: Date.now(), streams: Object.fromEntries(streams) });
      setTimeout(look, every);
    };
    return look();
  }, EVERY_MS);
}

const notesOf = (page, from = 0) => page.evaluate((at) => window.__arrival.slice(at), from);

/**
 * What arrived at a page while so many seconds of every voice were played, from now on. One entry per stream:
 *   sound    `{kind, seconds, packets, lost, concealed, loudness}`: packets a second; how many were lost, if they were repeated too,
 *            less than none where some that had been given up came late after all; the share of the sound that was made up because
 *            nothing came, 0 to 1; energy a second
 *   picture  `{kind, seconds, packets, rate, frozen, still}`: packets and pictures a second; the share of time that the browser
 *            counts as frozen; the longest time without a new picture, in seconds
 */
export async function arrivalOver(page, seconds, { timeout = 60_000 } = {}) {
  const first = await page.evaluate(() => window.__arrival.length - 1);
  const notes = await until(
    `${seconds} s of every voice`,
    async () => {
      const since = await notesOf(page, first);
      const played = streamsOf(since, "audio").map(
        ([id]) => growth(since, id, "samples") / SAMPLES_A_SECOND,
      );
      if (played.length > 0 && played.every((length) => length >= seconds)) return since;
      throw new Error(`played: ${JSON.stringify(played)}`);
    },
    { timeout },
  );
  const length = (notes.at(-1).at - notes[0].at) / 1_000;
  return [
    ...streamsOf(notes, "audio").map(([id]) => sound(notes, id, length)),
    ...streamsOf(notes, "video").map(([id]) => picture(notes, id, length)),
  ];
}

function sound(notes, id, seconds) {
  const samples = growth(notes, id, "samples");
  return {
    kind: "audio",
    seconds,
    packets: growth(notes, id, "packets") / seconds,
    lost: growth(notes, id, "lost"),
    concealed: growth(notes, id, "concealed") / samples,
    loudness: growth(notes, id, "energy") / (samples / SAMPLES_A_SECOND),
  };
}

function picture(notes, id, seconds) {
  const longest = Math.max(0, ...standstills(notes, id).map(({ from, to }) => to - from));
  return {
    kind: "video",
    seconds,
    packets: growth(notes, id, "packets") / seconds,
    rate: growth(notes, id, "frames") / seconds,
    frozen: growth(notes, id, "frozen") / seconds,
    still: longest / 1_000,
  };
}

/**
 * Waits until `count` voices and as many pictures flow at a page after the moment `since`, a `Date.now()` at which its line changed.
 *
 * `{after, still}`: how many milliseconds later the last of them flowed again, 0 where nothing stood still, and for how many the
 * longest standstill lasted of those that were under way then or began right after.
 */
export function untilFlowing(page, count, since, { timeout = 60_000 } = {}) {
  return until(
    `${count} voice(s) and as many pictures to flow`,
    async () => {
      const notes = await notesOf(page);
      const last = notes.at(-1).at;
      const streams = ["audio", "video"].flatMap((kind) => streamsOf(notes, kind));
      const stills = streams.flatMap(([id]) =>
        standstills(notes, id).filter(
          ({ from, over }) => (over ?? last) >= since && from < since + SHOWS_AFTER_MS,
        ),
      );
      const isSettled = last > since + SHOWS_AFTER_MS + STANDS_STILL_MS;
      if (isSettled && streams.length === 2 * count && stills.every(({ over }) => over !== null))
        return {
          after: Math.max(since, ...stills.map(({ over }) => over)) - since,
          still: Math.max(0, ...stills.map(({ from, over }) => over - from)),
        };
      throw new Error(JSON.stringify({ since, last, streams: streams.length, stills }));
    },
    { timeout },
  );
}

/** The streams of that kind that are there at the end. */
function streamsOf(notes, kind) {
  return Object.entries(notes.at(-1).streams).filter(([, stream]) => stream.kind === kind);
}

function growth(notes, id, field) {
  return notes.at(-1).streams[id][field] - (notes[0].streams[id]?.[field] ?? 0);
}

/** Pictures that were decoded, or sound that was not made up, of a stream that may not be there. */
function arrived(stream) {
  if (!stream) return 0;
  return stream.kind === "audio" ? stream.samples - stream.concealed : stream.frames;
}

/**
 * Spans in which nothing of a stream arrived, in milliseconds since the epoch: `from` the last look that saw something new, `to` the
 * last one that saw nothing, and `over` at the next, `null` while it lasts. A page that was too busy to look saw no standstill.
 */
function standstills(notes, id) {
  const found = [];
  let first = 0;
  for (let next = 1; next <= notes.length; next += 1) {
    const isSame = arrived(notes[next]?.streams[id]) === arrived(notes[first].streams[id]);
    if (isSame && next < notes.length) continue;
    const [from, to, over] = [notes[first].at, notes[next - 1].at, notes[next]?.at ?? null];
    if (to - from >= STANDS_STILL_MS) found.push({ from, to, over });
    first = next;
  }
  return found;
}
