import "./small-window.css";
import { Hand, LogOut, Mic, MicOff } from "lucide-react";
import { useEffect } from "react";
import { createPortal } from "react-dom";
import { useTranslation } from "react-i18next";
import { Avatar } from "../../kit/avatar";
import { useStore } from "../../kit/use-store";
import { isSilent } from "../../session/media";
import { TrackVideo, useTiles, type TileData } from "../stage";
import { useMe, useVisit } from "../visit/context";

/** As many as one can still make out. */
const MOST = 5;

/** Who is in the meeting and the three things one needs at once, in a window of its own. */
export default function SmallWindow({ target }: { readonly target: Window }) {
  useEffect(() => dress(target), [target]);
  return createPortal(<Content target={target} />, target.document.body);
}

function Content({ target }: { readonly target: Window }) {
  const { t } = useTranslation();
  const { session, actions, ui } = useVisit();
  const { on } = useStore(session.media.microphone);
  const tiles = useTiles();
  const up = useMe()?.handRaisedAt != null;
  const others = tiles.filter(({ isMe }) => !isMe);
  const shown = (others.length === 0 ? tiles : bestFirst(others)).slice(0, MOST);
  return (
    <div className="small-window">
      <ul className="small-window-people">
        {shown.map((tile) => (
          <SmallTile key={tile.person.id} tile={tile} />
        ))}
      </ul>
      <div className="small-window-bar">
        <button type="button" className="button button-second" onClick={actions.microphone.run}>
          {on ? (
            <Mic className="icon" aria-hidden="true" />
          ) : (
            <MicOff className="icon" aria-hidden="true" />
          )}
          {t(on ? "toolbar.mute" : "toolbar.unmute")}
        </button>
        <button
          type="button"
          className="button button-second"
          aria-pressed={up}
          aria-label={t(up ? "toolbar.lowerHand" : "toolbar.raiseHand")}
          onClick={actions.hand.run}
        >
          <Hand className="icon" aria-hidden="true" />
        </button>
        <button
          type="button"
          className="button button-danger"
          aria-label={t("toolbar.leave")}
          onClick={() => {
            target.close();
            window.focus();
            ui.showDialog("leave");
          }}
        >
          <LogOut className="icon flip" aria-hidden="true" />
        </button>
      </div>
    </div>
  );
}

/** Who speaks, then who is seen; otherwise as they stand. */
const bestFirst = (tiles: readonly TileData[]): readonly TileData[] => {
  const rank = ({ speaking, media }: TileData) => (speaking ? 0 : media.camera ? 1 : 2);
  return tiles.toSorted((a, b) => rank(a) - rank(b));
};

function SmallTile({ tile: { person, media, speaking } }: { readonly tile: TileData }) {
  const { t } = useTranslation();
  return (
    <li className="small-window-tile" data-speaking={speaking}>
      <Avatar id={person.id} name={person.name} />
      {media.camera && <TrackVideo key={media.camera.id} track={media.camera} />}
      <span className="small-window-name">
        {isSilent(media) && <MicOff className="icon icon-small" aria-label={t("stage.muted")} />}
        <bdi>{person.name}</bdi>
      </span>
    </li>
  );
}

/** The new window looks like this page: its styles, its colours, its language and direction. */
function dress(target: Window): void {
  const { documentElement: from } = document;
  const { documentElement: to, head } = target.document;
  for (const style of document.querySelectorAll("link[rel=stylesheet], style")) {
    head.append(target.document.importNode(style, true));
  }
  to.lang = from.lang;
  to.dir = from.dir;
  to.style.cssText = from.style.cssText;
  to.dataset["theme"] = from.dataset["theme"] ?? "";
  target.document.title = document.title;
}
