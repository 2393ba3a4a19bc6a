import { useState, type ClipboardEvent, type DragEvent } from "react";
import type { ConversationId } from "../../session/chat";
import { link } from "../../session/compose";
import { isLocked } from "../../session/rights";
import { together } from "../../session/together";
import type { Uploads } from "../../session/together/uploads";
import { filesOf } from "./pasted";
import { useMe, useRoomState, useSession } from "../visit/context";

export interface Files {
  readonly uploads: Uploads;
  readonly allowed: boolean;
  /** For the browser's picker. */
  readonly accept: string;
  readonly dropping: boolean;
  add(files: Iterable<File>): void;
  onDragOver(event: DragEvent): void;
  onDragLeave(): void;
  onDrop(event: DragEvent): void;
  onPaste(event: ClipboardEvent): void;
}

/** Files for the chat, whichever way they come: the same rule for all of them. */
export function useFiles(conversation: ConversationId): Files {
  const session = useSession();
  const me = useMe();
  const room = useRoomState();
  const [dropping, setDropping] = useState(false);
  const { uploads } = together(session);
  const limits = room?.activities.files;
  const allowed =
    me !== null && room !== null && (limits?.allowed ?? false) && !isLocked(me, room, "chatFile");
  const add = (files: Iterable<File>) => {
    if (!allowed) return;
    uploads.add(files, ({ name, address }) =>
      session.writeHtml(conversation, link(`${window.location.origin}${address}`, name)),
    );
  };
  return {
    uploads,
    allowed,
    accept: (limits?.types ?? []).map((type) => `.${type}`).join(","),
    dropping,
    add,
    onDragOver(event) {
      if (!allowed || !event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      setDropping(true);
    },
    onDragLeave: () => setDropping(false),
    onDrop(event) {
      setDropping(false);
      if (!allowed || event.dataTransfer.files.length === 0) return;
      event.preventDefault();
      add([...event.dataTransfer.files]);
    },
    onPaste(event) {
      if (!allowed || (event.target as Element).closest("[role='search']")) return;
      const files = filesOf(event.clipboardData);
      if (files.length === 0) return;
      event.preventDefault();
      add(files);
    },
  };
}
