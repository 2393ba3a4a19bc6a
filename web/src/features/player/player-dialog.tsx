import "./player.css";
import { FileUp, Film } from "lucide-react";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { Modal } from "../../kit/dialog";
import { TextField } from "../../kit/field";
import { Problem } from "../../kit/problem";
import { useStore } from "../../kit/use-store";
import { together } from "../../session/together";
import { createUploads } from "../../session/together/uploads";
import { decodeFiles, encodeFilesOf, type StoredFile } from "../../wire/files";
import { UploadList } from "../chat/upload-list";
import { useRefusal } from "../notices/use-refusal";
import { useRoomState, useVisit } from "../visit/context";
import { addressFrom } from "./address";

const TYPES = ["mp4", "mp3", "webm"] as const;

/** What to play for everybody: an address, or a file from here. */
export function PlayerDialog() {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const room = useStore(session.room);
  const uploadsAllowed = useRoomState()?.activities.files.allowed ?? false;
  const maxMegabytes = room?.state.activities.files.maxMegabytes ?? 0;
  const refusal = useRefusal();
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [stored, setStored] = useState<readonly StoredFile[]>([]);
  const picker = useRef<HTMLInputElement>(null);
  const [uploads] = useState(() =>
    createUploads(session, "player", () => ({ types: TYPES, maxMegabytes })),
  );
  const roomId = room?.id ?? "";
  useEffect(() => {
    session
      .ask({ path: "getRoomFilesByType", body: encodeFilesOf("player", roomId) })
      .then((bytes) => setStored(decodeFiles(bytes)))
      // Without the list one can still bring a new file.
      .catch(() => undefined);
    return () => uploads.dispose();
  }, [session, roomId, uploads]);
  const close = () => ui.showDialog(null);
  const play = async (url: string) => {
    const { ok, reason } = await together(session).player.play(url);
    if (ok) close();
    else setProblem(refusal(reason, "player.failed"));
  };
  // The server takes whole addresses alone.
  const playStored = (address: string) => play(`${window.location.origin}${address}`);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const url = addressFrom(typed);
    if (url === null) setProblem(t("player.badAddress"));
    else void play(url);
  };
  return (
    <Modal title={t("player.title")} closeLabel={t("common.close")} onClose={close}>
      <form className="player-form" onSubmit={submit}>
        <TextField
          label={t("player.address")}
          hint={t("player.addressHint")}
          type="url"
          dir="ltr"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <button type="submit" className="button button-primary">
          {t("player.play")}
        </button>
      </form>
      <Problem text={problem} />
      {uploadsAllowed && (
        <>
          <button
            type="button"
            className="button button-plain"
            onClick={() => picker.current?.click()}
          >
            <FileUp className="icon" aria-hidden="true" />
            {t("player.upload", { count: maxMegabytes })}
          </button>
          <input
            ref={picker}
            type="file"
            hidden
            accept={TYPES.map((type) => `.${type}`).join(",")}
            data-testid="player-file"
            onChange={(event) => {
              uploads.add(
                [...(event.target.files ?? [])],
                ({ address }) => void playStored(address),
              );
              event.target.value = "";
            }}
          />
          <UploadList uploads={uploads} maxMegabytes={maxMegabytes} />
        </>
      )}
      {stored.length > 0 && (
        <ul className="player-files" aria-label={t("player.earlier")}>
          {stored.map(({ name, address }) => (
            <li key={address}>
              <button type="button" className="menu-item" onClick={() => void playStored(address)}>
                <Film className="icon" aria-hidden="true" />
                <bdi className="menu-item-label">{name}</bdi>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Modal>
  );
}
