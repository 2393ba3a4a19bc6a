import { useSelected } from "../../kit/use-store";
import { BackgroundDialog } from "../backgrounds/background-dialog";
import { ExternalLinkDialog } from "../external-link/external-link-dialog";
import { BlockedDialog } from "../host/blocked-dialog";
import { LocksDialog } from "../host/locks-dialog";
import { MuteAllDialog } from "../host/mute-all-dialog";
import { RemoveDialog } from "../host/remove-dialog";
import { InviteDialog } from "../invite";
import { LeaveDialog } from "../leave";
import { PlayerDialog } from "../player/player-dialog";
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
    case "background":
      return <BackgroundDialog />;
    case "shortcuts":
      return <ShortcutsDialog />;
    case "invite":
      return <InviteDialog />;
    case "locks":
      return <LocksDialog />;
    case "remove":
      return <RemoveDialog />;
    case "blocked":
      return <BlockedDialog />;
    case "mute-all":
      return <MuteAllDialog />;
    case "player":
      return <PlayerDialog />;
    case "external-link":
      return <ExternalLinkDialog />;
    default:
      return dialog satisfies never;
  }
}
