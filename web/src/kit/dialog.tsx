import { Dialog, DialogBackdrop, DialogPanel, DialogTitle } from "@headlessui/react";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { IconButton } from "./icon-button";

interface ModalProps {
  readonly title: string;
  readonly closeLabel: string;
  readonly onClose: () => void;
  readonly wide?: boolean;
  readonly children: ReactNode;
}

/** A question or a form in front of everything else. Focus goes in, stays in and comes back. */
export function Modal({ title, closeLabel, onClose, wide = false, children }: ModalProps) {
  return (
    <Dialog open onClose={onClose} className="dialog-root">
      <DialogBackdrop className="dialog-scrim" />
      <div className="dialog-frame">
        <DialogPanel className={wide ? "dialog dialog-wide" : "dialog"}>
          <div className="dialog-head">
            <DialogTitle className="dialog-title">{title}</DialogTitle>
            <IconButton icon={X} label={closeLabel} onClick={onClose} />
          </div>
          {children}
        </DialogPanel>
      </div>
    </Dialog>
  );
}
