import "./stage.css";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { useBox } from "../../kit/use-box";
import { useSelected, useStore } from "../../kit/use-store";
import type { ExternalLink, ParticipantId } from "../../wire/types";
import { AloneCard } from "../invite";
import { HandsOverlay, ReactionsOverlay } from "../reactions";
import { usePrefs } from "../settings/prefs-context";
import { useRoomState, useSession, useVisit } from "../visit/context";
import { planStage } from "./layout";
import { Pager } from "./pager";
import { OwnShare } from "./shared-screens";
import { SharedContent } from "./shared-content";
import { Sound } from "./sound";
import { SpeakersElsewhere } from "./speakers-elsewhere";
import { Tile } from "./tile";
import { useHiddenShares } from "./use-hidden-shares";
import { sharingPages } from "./scene";
import { useForward } from "./use-forward";
import { useMostTiles } from "./use-most-tiles";
import { useScene } from "./use-scene";
import { sharesOf, useTiles, type TileData } from "./use-tiles";

const GAP = 8;
const NONE: ReturnType<typeof sharesOf> = [];
const NOBODY: readonly ParticipantId[] = [];

/** Everybody, and what is shared. All tiles stay in one box and only change place, so no picture starts anew. */
export function Stage() {
  const { t } = useTranslation();
  const tiles = useTiles();
  const room = useRoomState();
  const [{ showShares }] = usePrefs();
  const all = useMemo(() => sharesOf(tiles, room?.spotlight), [tiles, room?.spotlight]);
  const shares = showShares ? all : NONE;
  const link = room?.externalLink ?? null;
  const film = room?.activities.player.url ?? null;
  const ownShare = tiles.some(({ isMe, media }) => isMe && media.screen !== null);
  useShareAnnouncements(all);
  useHiddenShares(showShares ? NONE : all);
  const alone = tiles.length === 1 && shares.length === 0 && link === null && film === null;
  return (
    <section className="stage" aria-label={t("stage.label")}>
      {ownShare && <OwnShare />}
      <div className="stage-row">
        <Canvas tiles={tiles} shares={shares} link={link} film={film} />
        {alone && <AloneCard />}
      </div>
      <Trouble />
      <Sound />
    </section>
  );
}

interface CanvasProps {
  readonly tiles: readonly TileData[];
  readonly shares: ReturnType<typeof sharesOf>;
  readonly link: ExternalLink | null;
  readonly film: string | null;
}

function Canvas({ tiles, shares, link, film }: CanvasProps) {
  const { ui } = useVisit();
  const [prefs] = usePrefs();
  const [ref, { width, height }] = useBox();
  const [wanted, setWanted] = useState(0);
  const pinned = useSelected(ui, (now) => now.pinned);
  const spotlight = useRoomState()?.spotlight ?? NOBODY;
  const scene = useScene(tiles, shares.length > 0 || link !== null || film !== null);
  const { selfCorner: corner, speakersForward } = prefs;
  const most = useMostTiles();
  const box = useMemo(
    () => ({ ...scene, corner, width, height, gap: GAP, page: wanted, most }),
    [scene, corner, width, height, wanted, most],
  );
  const { perPage, page } = useMemo(() => planStage(box), [box]);
  const others = useMemo(() => sharingPages(scene), [scene]);
  const active = speakersForward && page === 0;
  const flow = useForward({ tiles, flow: others, perPage, spotlight, active });
  const plan = useMemo(() => planStage({ ...box, flow }), [box, flow]);
  return (
    <div className="canvas" ref={ref}>
      {plan.content && (
        <SharedContent shares={shares} link={link} film={film} place={plan.content} />
      )}
      {tiles.map((data) => {
        const rect = plan.tiles.get(data.person.id);
        return (
          rect && (
            <Tile
              key={data.person.id}
              {...data}
              rect={rect}
              mirrored={data.isMe && prefs.mirrorSelf && !data.media.rear}
              pinned={pinned === data.person.id}
              lit={spotlight.includes(data.person.id)}
              floating={scene.floating === data.person.id}
              onPin={ui.togglePin}
            />
          )
        );
      })}
      <HandsOverlay />
      <ReactionsOverlay />
      <SpeakersElsewhere tiles={tiles} shown={plan.tiles} />
      {plan.pages > 1 && <Pager page={plan.page} pages={plan.pages} onPage={setWanted} />}
    </div>
  );
}

/** Says who starts and who stops sharing; the picture says it to those who see. */
function useShareAnnouncements(shares: ReturnType<typeof sharesOf>) {
  const { t } = useTranslation();
  // Without a connection nobody is told of, and nobody has stopped.
  const known = useSelected(useSession().media, ({ status }) => status === "connected");
  const key = JSON.stringify(shares.map(({ id, name }) => [id, name]));
  const before = useRef(new Map<string, string>());
  useEffect(() => {
    const now = new Map(JSON.parse(key) as [string, string][]);
    for (const [id, name] of now) {
      if (!before.current.has(id)) announce(t("stage.screenOf", { name }));
    }
    for (const [id, name] of before.current) {
      if (known && !now.has(id)) announce(t("stage.screenEnded", { name }));
    }
    before.current = now;
  }, [key, known, t]);
}

/** What stands between this person and the meeting right now. */
function Trouble() {
  const { t } = useTranslation();
  const { line, media } = useSession();
  const lineState = useStore(line);
  const status = useSelected(media, (now) => now.status);
  const mayPlaySound = useSelected(media, (now) => now.mayPlaySound);
  if (lineState === "reconnecting" || status === "reconnecting") {
    return (
      <div className="stage-trouble">
        <span className="spinner" aria-hidden="true" />
        <p>
          <strong>{t("stage.reconnecting")}</strong>
        </p>
        <p>{t("stage.reconnectingLead")}</p>
      </div>
    );
  }
  return mayPlaySound ? null : <SoundBlocked />;
}

function SoundBlocked() {
  const { t } = useTranslation();
  const { media } = useSession();
  useEffect(() => announce(t("stage.soundBlocked")), [t]);
  return (
    <div className="stage-sound card">
      <p>{t("stage.soundBlocked")}</p>
      <button
        type="button"
        className="button button-primary"
        onClick={() => void media.startSound()}
      >
        {t("stage.soundOn")}
      </button>
    </div>
  );
}
