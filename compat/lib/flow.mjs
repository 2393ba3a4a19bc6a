// Whether pictures that were sent also came on, however slow the machine is that sends and shows them.
import assert from "node:assert/strict";

/** Nothing new is to be seen for so long: a person would call that frozen. */
const FROZEN_MS = 1_000;
/** The clocks of the two pages' looks may lie so far apart. */
const MARGIN_MS = 250;
/** So many pictures of every size were sent meanwhile; with fewer it was the sender that stood still. */
const SENT = 3;

/** Begins to note, ten times a second, how many pictures a page has sent of each size and shown by then. */
export function watchFlow(page) {
  return page.evaluate(() => {
    const notes = [];
    window.__flow = notes;
    const look = async () => {
      const open = window.__peerConnections.filter((pc) => pc.connectionState !== "closed");
      const reports = await Promise.all(open.map((pc) => pc.getStats()));
      const entries = reports.flatMap((report) => [...report.values()]);
      const pictures = (type) =>
        entries.filter((entry) => entry.type === type && entry.kind === "video");
      const sum = (field) =>
        pictures("inbound-rtp").reduce((total, entry) => total + (entry[field] ?? 0), 0);
      notes.push({
        at: Date.now(),
        sent: Object.fromEntries(
          pictures("outbound-rtp").map((entry) => [entry.rid ?? "", entry.framesSent ?? 0]),
        ),
        shown: sum("framesDecoded"),
        lost: sum("packetsLost"),
        repeated: sum("retransmittedPacketsReceived"),
      });
      setTimeout(look, 100);
    };
    return look();
  });
}

/**
 * Nothing that was sent is missing, and the picture never froze while it was sent in every size.
 *
 * A packet the machine had no time to take in was repeated; one that the server left out cannot be.
 */
export async function assertFlowed(sender, receiver) {
  const [sent, seen] = await Promise.all(
    [sender, receiver].map((page) => page.evaluate(() => window.__flow)),
  );
  const { lost, repeated } = seen.at(-1);
  assert.ok(lost <= repeated, `${lost} packets never came, ${repeated} were repeated`);
  assert.ok(
    seen.some(({ shown }) => shown > 0),
    "something was shown",
  );
  assert.deepEqual(freezes(sent, seen), []);
}

/** Spans in which nothing new was shown of what was sent. */
export function freezes(sent, seen) {
  const shown = seen.filter((note) => note.shown > 0);
  const found = [];
  for (let first = 0; first < shown.length; ) {
    let last = first;
    while (shown[last + 1]?.shown === shown[first].shown) last += 1;
    const [from, to] = [shown[first].at, shown[last].at];
    const meanwhile = sentBetween(sent, from + MARGIN_MS, to - MARGIN_MS);
    if (to - from >= FROZEN_MS && meanwhile.length > 0 && meanwhile.every((n) => n >= SENT))
      found.push({ from, ms: to - from, sent: meanwhile });
    first = last + 1;
  }
  return found;
}

/** How many pictures were sent between two moments, of every size that was ever sent. */
function sentBetween(sent, from, to) {
  const within = sent.filter(({ at }) => at >= from && at <= to);
  if (within.length < 2) return [];
  const sizes = Object.keys(sent.at(-1).sent).filter((rid) => sent.at(-1).sent[rid] > 0);
  return sizes.map((rid) => (within.at(-1).sent[rid] ?? 0) - (within[0].sent[rid] ?? 0));
}
