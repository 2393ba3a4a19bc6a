import { expect, test, vi } from "vitest";
import { checkFile, planUpload, sendFile, UploadError, type Send } from "./upload";

const place = { roomId: "room01", sid: "sid", userId: "ana" };
const MB = 1024 * 1024;
const file = (size: number, name = "plan.pdf") => new File([new Uint8Array(size)], name);

/** A server that keeps pieces; `answers` come first. */
function store(answers: readonly number[] = []) {
  const kept = new Set<string>();
  const posted: string[] = [];
  const left = [...answers];
  const send: Send = async ({ method, url, onProgress }) => {
    const chunk = new URL(url, "http://h").searchParams.get("resumableChunkNumber") ?? "";
    if (method === "GET") return { status: kept.has(chunk) ? 201 : 204, text: "" };
    const status = left.shift() ?? 200;
    if (status === 200) {
      kept.add(chunk);
      posted.push(chunk);
      onProgress(1);
    }
    return { status, text: status === 415 ? '{"msg":"not that"}' : "part_uploaded" };
  };
  return { send, posted, kept };
}

test("a file goes in pieces, the first before the others", async () => {
  const { send, posted } = store();
  const shares: number[] = [];
  const upload = planUpload(file(25 * MB));
  await sendFile(upload, place, send, new AbortController().signal, (share) => shares.push(share));
  expect(upload.chunks).toBe(3);
  expect(posted).toEqual(["1", "2", "3"]);
  expect(shares.at(-1)).toBe(1);
});

test("what is there already is not sent again", async () => {
  const { send, posted, kept } = store();
  kept.add("1");
  await sendFile(
    planUpload(file(15 * MB)),
    place,
    send,
    new AbortController().signal,
    () => undefined,
  );
  expect(posted).toEqual(["2"]);
});

test("a piece that does not get through is tried again, one that is refused is not", async () => {
  vi.useFakeTimers();
  const { send, posted } = store([503, 503]);
  const sending = sendFile(
    planUpload(file(10)),
    place,
    send,
    new AbortController().signal,
    () => undefined,
  );
  await vi.advanceTimersByTimeAsync(10_000);
  await sending;
  expect(posted).toEqual(["1"]);
  vi.useRealTimers();

  const refused = sendFile(
    planUpload(file(10)),
    place,
    store([415]).send,
    new AbortController().signal,
    () => undefined,
  );
  await expect(refused).rejects.toMatchObject({ code: "type", detail: "not that" });
});

test("a stopped upload says so", async () => {
  const stop = new AbortController();
  stop.abort();
  const sending = sendFile(planUpload(file(10)), place, store().send, stop.signal, () => undefined);
  await expect(sending).rejects.toMatchObject({ code: "cancelled" });
});

test.each([
  ["plan.pdf", 1, null],
  ["PLAN.PDF", 1, null],
  ["run.exe", 1, "type"],
  ["noending", 1, "type"],
  ["plan.pdf", 3_000_000, "too-large"],
])("%s of %d bytes: %s", (name, size, code) => {
  const check = () => checkFile({ name, size }, { types: ["pdf"], maxMegabytes: 2 });
  if (code === null) expect(check).not.toThrow();
  else expect(check).toThrow(new UploadError(code as "type"));
});
