import { useSelected } from "../../kit/use-store";
import { InviteDialog } from "../invite";
import { LeaveDialog } from "../leave";
import { SettingsDialog } from "../settings/settings-dialog";
import { ShortcutsDialog } from "../shortcuts";
import { useVisit } from "./context";

/** At most one dialog at a time. */
export default function Dialogs() {
  const { ui } = useVisit();
  const dialog = useSelected(ui, (now) => now.dialog);
  switch (dialog) {
    case null:
      return null;
    case "leave":
      return <LeaveDialog />;
    case "settings":
      return <SettingsDialog />;
    case "shortcuts":
      return <ShortcutsDialog />;
    case "invite":
      return <InviteDialog />;
    default:
      return dialog satisfies never;
  }
}
