// A film of which every second looks different, made by a browser and written as WebM (Matroska, RFC 9559): with its length
// and a list of places to jump to, as a film of the real world has them and a recording of a browser has not.

const WIDTH = 160;
const HEIGHT = 90;
const PER_SECOND = 5;
/** Greys that lie this far apart are told apart after encoding. */
const STEP = 5;
const DARKEST = 20;
/** Content from this length on has eight bytes for it. */
const SHORT = 127;

/** The film's bytes. `page` is any page of a secure context. */
export async function makeFilm(page, seconds) {
  const frames = await page.evaluate(encode, {
    seconds,
    width: WIDTH,
    height: HEIGHT,
    perSecond: PER_SECOND,
    step: STEP,
    darkest: DARKEST,
  });
  return webm(frames, seconds);
}

/** Which second of such a film a player shows, read from its picture. */
export function secondShown(video) {
  return video.evaluate(
    (element, { step, darkest }) => {
      const canvas = new OffscreenCanvas(1, 1);
      const brush = canvas.getContext("2d");
      brush.drawImage(element, 0, 0, 1, 1);
      const [grey] = brush.getImageData(0, 0, 1, 1).data;
      return Math.round((grey - darkest) / step);
    },
    { step: STEP, darkest: DARKEST },
  );
}

/** Runs in the page. */
async function encode({ seconds, width, height, perSecond, step, darkest }) {
  const frames = [];
  const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const encoder = new VideoEncoder({
    output: (chunk) => {
      const bytes = new Uint8Array(chunk.byteLength);
      chunk.copyTo(bytes);
      frames.push({ at: chunk.timestamp / 1_000, key: chunk.type === "key", data: base64(bytes) });
    },
    error: (error) => {
      throw error;
    },
  });
  encoder.configure({ codec: "vp8", width, height, bitrate: 200_000, framerate: perSecond });
  const canvas = new OffscreenCanvas(width, height);
  const brush = canvas.getContext("2d");
  for (let n = 0; n < seconds * perSecond; n += 1) {
    const grey = darkest + step * Math.floor(n / perSecond);
    brush.fillStyle = `rgb(${grey} ${grey} ${grey})`;
    brush.fillRect(0, 0, width, height);
    const frame = new VideoFrame(canvas, { timestamp: (n * 1_000_000) / perSecond });
    encoder.encode(frame, { keyFrame: n % perSecond === 0 });
    frame.close();
  }
  await encoder.flush();
  encoder.close();
  return frames;
}

/** One element: its id, its length (in one byte or in eight), what is in it. */
function element(id, ...content) {
  const body = Buffer.concat(content);
  const head = Buffer.alloc(body.length < SHORT ? 1 : 8);
  if (head.length === 1) head.writeUInt8(body.length | 0x80);
  else head.writeBigUInt64BE(BigInt(body.length) | (1n << 56n));
  return Buffer.concat([Buffer.from(id, "hex"), head, body]);
}

const number = (id, value) => {
  const body = Buffer.alloc(8);
  body.writeBigUInt64BE(BigInt(Math.round(value)));
  return element(id, body);
};
const text = (id, value) => element(id, Buffer.from(value));
const float = (id, value) => {
  const body = Buffer.alloc(8);
  body.writeDoubleBE(value);
  return element(id, body);
};

function webm(frames, seconds) {
  const header = element(
    "1a45dfa3",
    number("4286", 1),
    number("42f7", 1),
    number("42f2", 4),
    number("42f3", 8),
    text("4282", "webm"),
    number("4287", 2),
    number("4285", 2),
  );
  const info = element(
    "1549a966",
    number("2ad7b1", 1_000_000),
    text("4d80", "test"),
    text("5741", "test"),
    float("4489", seconds * 1_000),
  );
  const picture = element("e0", number("b0", WIDTH), number("ba", HEIGHT));
  const track = element(
    "ae",
    number("d7", 1),
    number("73c5", 1),
    number("83", 1),
    text("86", "V_VP8"),
    picture,
  );
  const clusters = clustersOf(frames);
  const before = info.length + element("1654ae6b", track).length;
  // Numbers are eight bytes each, so the list is as long with zeros in it.
  const listLength = cues(clusters, 0).length;
  return Buffer.concat([
    header,
    element(
      "18538067",
      info,
      element("1654ae6b", track),
      cues(clusters, before + listLength),
      ...clusters.map(({ bytes }) => bytes),
    ),
  ]);
}

/** A cluster begins with every key frame. */
function clustersOf(frames) {
  const groups = [];
  for (const frame of frames) {
    if (frame.key) groups.push([]);
    groups.at(-1).push(frame);
  }
  return groups.map((group) => {
    const start = group[0].at;
    const blocks = group.map(({ at, key, data }) => {
      const head = Buffer.from([0x81, 0, 0, key ? 0x80 : 0]);
      head.writeInt16BE(Math.round(at - start), 1);
      return element("a3", head, Buffer.from(data, "base64"));
    });
    return { start, bytes: element("1f43b675", number("e7", start), ...blocks) };
  });
}

/** Where each cluster lies, counted from the beginning of the segment's content. */
function cues(clusters, first) {
  let at = first;
  const points = clusters.map(({ start, bytes }) => {
    const place = element("b7", number("f7", 1), number("f1", at));
    at += bytes.length;
    return element("bb", number("b3", start), place);
  });
  return element("1c53bb6b", ...points);
}
