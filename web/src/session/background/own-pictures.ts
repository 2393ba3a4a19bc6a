/** Pictures of one's own to be seen in front of: brought in, listed, taken away. They live as long as the session. */
import { decodeFiles, encodeFilesOf, encodeRemoval, type StoredFile } from "../../wire/files";
import { decodeCommon } from "../../wire/encode";
import type { Session } from "../session";
import { createStore, type Readable } from "../store";
import { createUploads, type Uploads } from "../together/uploads";
import { checkFile, UploadError } from "../upload";
import { covered } from "./effects";

/** What may be brought (client-features.md section 8). */
export const OWN_LIMITS = { types: ["jpg", "jpeg", "png"], maxMegabytes: 30 } as const;

const QUALITY = 0.88;

export interface OwnTrouble {
  readonly what: "unreadable" | "too-large" | "type" | "removal";
  readonly name: string;
}

export interface OwnPictures extends Readable<readonly StoredFile[]> {
  readonly uploads: Uploads;
  readonly trouble: Readable<OwnTrouble | null>;
  refresh(): Promise<void>;
  /** Keeps it as small as it is needed, without what a camera writes into its files; `done` once it is there. */
  add(file: File, done: (stored: StoredFile) => void): Promise<void>;
  remove(stored: StoredFile): Promise<boolean>;
  dispose(): void;
}

/** The picture as it is kept. Tests own another. */
export type Shrink = (file: File) => Promise<File>;

async function shrink(file: File): Promise<File> {
  const picture = await createImageBitmap(file);
  const canvas = covered(picture, picture.width, picture.height);
  picture.close();
  const blob = await new Promise<Blob | null>((resolve) =>
    canvas.toBlob(resolve, "image/jpeg", QUALITY),
  );
  if (!blob) throw new Error("not drawn");
  const name = file.name.replace(/\.[^.]*$/u, "").slice(0, 100) || "picture";
  // Another time makes another identifier: the same picture may be brought again after it was removed.
  return new File([blob], `${name}.jpg`, { type: "image/jpeg", lastModified: Date.now() });
}

export function createOwnPictures(session: Session, prepare: Shrink = shrink): OwnPictures {
  const store = createStore<readonly StoredFile[]>([]);
  const trouble = createStore<OwnTrouble | null>(null);
  const uploads = createUploads(session, "background", () => OWN_LIMITS);
  const roomId = () => session.room.getSnapshot()?.id ?? "";

  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    uploads,
    trouble,
    async refresh() {
      const body = encodeFilesOf("background", roomId());
      // Without the list one can still bring a new one.
      const answer = await session.ask({ path: "getRoomFilesByType", body }).catch(() => null);
      if (answer) store.set(decodeFiles(answer));
    },
    async add(file, done) {
      trouble.set(null);
      const { name } = file;
      try {
        checkFile(file, OWN_LIMITS);
        const small = await prepare(file);
        uploads.add([small], (stored) => {
          store.update((all) => [...all, stored]);
          done(stored);
        });
      } catch (error) {
        const code = error instanceof UploadError ? error.code : null;
        const what = code === "too-large" || code === "type" ? code : "unreadable";
        trouble.set({ what, name });
      }
    },
    async remove(stored) {
      trouble.set(null);
      const body = encodeRemoval(stored);
      const answer = await session
        .ask({ path: "plenum/backgrounds/remove", body })
        .then(decodeCommon)
        .catch(() => ({ ok: false }));
      if (!answer.ok) {
        trouble.set({ what: "removal", name: stored.name });
        return false;
      }
      store.update((all) => all.filter(({ address }) => address !== stored.address));
      return true;
    },
    dispose: uploads.dispose,
  };
}
