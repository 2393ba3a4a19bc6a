/**
 * One file on its way to the server in pieces, as Resumable.js does it (meeting-protocol.md section 11.2): a
 * piece that is there already is not sent again, so a broken upload goes on where it stopped.
 */

/** Size of a piece, in bytes. */
const CHUNK = 10 * 1024 * 1024;
const TRIES = 4;
const RETRY_MS = 1_000;
/** Answers that trying again does not change. */
const FINAL: ReadonlySet<number> = new Set([400, 401, 404, 409, 415, 500, 501]);

/** What went wrong, as a stable word; `detail` is the server's own. */
export class UploadError extends Error {
  constructor(
    readonly code: "too-large" | "type" | "network" | "refused" | "cancelled",
    readonly detail = "",
  ) {
    super(code);
  }
}

export interface UploadPlace {
  readonly roomId: string;
  readonly sid: string;
  readonly userId: string;
}

export interface Upload {
  readonly file: File;
  /** Names the file among a room's uploads: the same file goes on where it stopped. */
  readonly identifier: string;
  readonly chunks: number;
}

/** One request with progress of what is sent. Tests own another. */
export type Send = (request: {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly body: FormData | null;
  readonly signal: AbortSignal;
  readonly onProgress: (sent: number) => void;
}) => Promise<{ readonly status: number; readonly text: string }>;

export const planUpload = (file: File): Upload => ({
  file,
  identifier:
    `${file.size}-${file.lastModified}-${file.name.replaceAll(/[^0-9a-zA-Z_-]/gu, "")}`.slice(
      0,
      120,
    ),
  chunks: Math.max(1, Math.ceil(file.size / CHUNK)),
});

export const endingOf = (name: string): string =>
  name.includes(".") ? (name.split(".").at(-1) ?? "").toLowerCase() : "";

/** Refuses before anything is sent what the room does not take. */
export function checkFile(
  file: Pick<File, "name" | "size">,
  limits: { readonly types: readonly string[]; readonly maxMegabytes: number },
): void {
  if (file.size > limits.maxMegabytes * 1_000_000) throw new UploadError("too-large");
  if (!limits.types.includes(endingOf(file.name))) throw new UploadError("type");
}

export async function sendFile(
  upload: Upload,
  place: UploadPlace,
  send: Send,
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<void> {
  const { file } = upload;
  for (let number = 1; number <= upload.chunks; number += 1) {
    const start = (number - 1) * CHUNK;
    const piece = file.slice(start, Math.min(file.size, start + CHUNK));
    const url = `/api/fileUpload?${query(upload, place, number, piece.size)}`;
    await withRetries(signal, async () => {
      const there = await send({
        method: "GET",
        url,
        body: null,
        signal,
        onProgress: () => undefined,
      });
      if (there.status === 200 || there.status === 201) return there;
      if (there.status !== 204) return there;
      const body = new FormData();
      body.append("file", piece, file.name);
      return send({
        method: "POST",
        url,
        body,
        signal,
        onProgress: (sent) => onProgress(Math.min(1, (start + sent) / Math.max(1, file.size))),
      });
    });
    onProgress(Math.min(1, (start + piece.size) / Math.max(1, file.size)));
  }
}

async function withRetries(
  signal: AbortSignal,
  attempt: () => Promise<{ readonly status: number; readonly text: string }>,
): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    if (signal.aborted) throw new UploadError("cancelled");
    const answer = await attempt().catch(() => null);
    if (signal.aborted) throw new UploadError("cancelled");
    if (answer && answer.status >= 200 && answer.status < 300) return;
    if (answer && FINAL.has(answer.status)) throw refusal(answer.status, answer.text);
    if (tried === TRIES) throw new UploadError("network");
    await pause(RETRY_MS * 2 ** (tried - 1), signal);
  }
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

function refusal(status: number, text: string): UploadError {
  let detail = "";
  try {
    const said = JSON.parse(text) as { msg?: unknown };
    if (typeof said.msg === "string") detail = said.msg;
  } catch {
    // A proxy in between says it in its own way.
  }
  return new UploadError(status === 415 ? "type" : "refused", detail);
}

function query(
  { file, identifier, chunks }: Upload,
  place: UploadPlace,
  number: number,
  size: number,
) {
  return new URLSearchParams({
    roomSid: place.sid,
    roomId: place.roomId,
    userId: place.userId,
    resumable: "true",
    resumableChunkNumber: String(number),
    resumableChunkSize: String(CHUNK),
    resumableCurrentChunkSize: String(size),
    resumableTotalSize: String(file.size),
    resumableType: file.type,
    resumableIdentifier: identifier,
    resumableFilename: file.name,
    resumableRelativePath: file.name,
    resumableTotalChunks: String(chunks),
  }).toString();
}

/** Over the network; the token is asked for with every piece, since a long upload outlives one. */
export const overNetwork =
  (token: () => string): Send =>
  ({ method, url, body, signal, onProgress }) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open(method, url);
      request.setRequestHeader("Authorization", token());
      request.upload.addEventListener("progress", ({ loaded }) => onProgress(loaded));
      request.addEventListener("load", () =>
        resolve({ status: request.status, text: request.responseText }),
      );
      request.addEventListener("error", () => reject(new UploadError("network")));
      request.addEventListener("abort", () => reject(new UploadError("cancelled")));
      signal.addEventListener("abort", () => request.abort());
      request.send(body);
    });
