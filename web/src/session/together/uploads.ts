/** Files on their way to the server, one after another, and what happens to each once it is there. */
import { decodeMerge, encodeMerge, type FileKind, type StoredFile } from "../../wire/files";
import type { Session } from "../session";
import { createStore, type Readable } from "../store";
import {
  checkFile,
  overNetwork,
  planUpload,
  sendFile,
  UploadError,
  type Send,
  type Upload,
} from "../upload";

export type UploadState =
  | { readonly at: "waiting" | "sending" | "finishing" }
  | { readonly at: "failed"; readonly code: UploadError["code"]; readonly detail: string };

export interface PendingUpload {
  readonly id: number;
  readonly name: string;
  /** How much of it is there, 0 to 1. */
  readonly share: number;
  readonly state: UploadState;
}

export interface Uploads extends Readable<readonly PendingUpload[]> {
  /** Takes files in; `done` is called for each that arrived. */
  add(files: Iterable<File>, done: (file: StoredFile) => void): void;
  /** Stops one, or forgets one that failed. */
  cancel(id: number): void;
  /** Goes on with one that failed. */
  retry(id: number): void;
  dispose(): void;
}

export interface UploadLimits {
  readonly types: readonly string[];
  readonly maxMegabytes: number;
}

interface Job {
  readonly upload: Upload;
  readonly done: (file: StoredFile) => void;
  readonly stop: AbortController;
}

export function createUploads(
  session: Session,
  kind: FileKind,
  limits: () => UploadLimits,
  send: Send = overNetwork(session.token),
): Uploads {
  const store = createStore<readonly PendingUpload[]>([]);
  const jobs = new Map<number, Job>();
  let nextId = 1;
  let running = false;

  const set = (id: number, part: Partial<PendingUpload>) =>
    store.update((all) => all.map((one) => (one.id === id ? { ...one, ...part } : one)));
  const forget = (id: number) => {
    jobs.delete(id);
    store.update((all) => all.filter((one) => one.id !== id));
  };

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    for (;;) {
      const next = store.getSnapshot().find(({ state }) => state.at === "waiting");
      const job = next && jobs.get(next.id);
      if (!next || !job) break;
      await carry(next.id, job);
    }
    running = false;
  }

  async function carry(id: number, { upload, done, stop }: Job): Promise<void> {
    const room = session.room.getSnapshot();
    const userId = session.me();
    if (!room || userId === null) return forget(id);
    const place = { roomId: room.id, sid: room.sid, userId };
    set(id, { state: { at: "sending" } });
    try {
      await sendFile(upload, place, send, stop.signal, (share) => set(id, { share }));
      set(id, { state: { at: "finishing" }, share: 1 });
      const { identifier, chunks, file } = upload;
      const body = encodeMerge(kind, place, { identifier, chunks, name: file.name });
      const answer = decodeMerge(await session.ask({ path: "uploadedFileMerge", body }));
      if (!answer.ok) throw new UploadError("refused", answer.reason);
      if (stop.signal.aborted) return;
      forget(id);
      done(answer.file);
    } catch (error) {
      if (stop.signal.aborted) return;
      const { code, detail } = error instanceof UploadError ? error : new UploadError("network");
      set(id, { state: { at: "failed", code, detail } });
    }
  }

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    add(files, done) {
      for (const file of files) {
        const id = nextId++;
        jobs.set(id, { upload: planUpload(file), done, stop: new AbortController() });
        let state: UploadState = { at: "waiting" };
        try {
          checkFile(file, limits());
        } catch (error) {
          const code = error instanceof UploadError ? error.code : "refused";
          state = { at: "failed", code, detail: "" };
        }
        store.update((all) => [...all, { id, name: file.name, share: 0, state }]);
      }
      void run();
    },
    cancel(id) {
      jobs.get(id)?.stop.abort();
      forget(id);
    },
    retry(id) {
      set(id, { state: { at: "waiting" } });
      void run();
    },
    dispose() {
      for (const { stop } of jobs.values()) stop.abort();
      jobs.clear();
      store.set([]);
    },
  };
}
