import { settleBackground } from "../../session/background/choice";
import { canHaveBackground } from "../../session/background/support";
import type { PrefsStore } from "../../session/prefs";
import type { Session } from "../../session/session";

/** The camera is seen as chosen, whatever is chosen and however the room changes; returns the way to stop. */
export function followBackground(session: Session, prefs: PrefsStore): () => void {
  const tell = () => {
    const { background, backgroundSaving } = prefs.getSnapshot();
    const room = session.room.getSnapshot();
    const settled = settleBackground(background, room, canHaveBackground());
    session.media.setBackground(settled.background, backgroundSaving);
  };
  tell();
  const stops = [prefs.subscribe(tell), session.room.subscribe(tell)];
  return () => stops.forEach((stop) => stop());
}
