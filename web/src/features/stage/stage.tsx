import "./stage.css";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { useSelected, useStore } from "../../kit/use-store";
import { InviteCard } from "../invite";
import { usePrefs } from "../settings/prefs-context";
import { useSession, useVisit } from "../visit/context";
import { FluidGrid } from "./fluid-grid";
import { SharedScreens } from "./shared-screens";
import { Sound } from "./sound";
import { Tile } from "./tile";
import { sharesOf, useTiles, type TileData } from "./use-tiles";

/** Shared content or a pinned person large with the others beside; otherwise everybody alike. */
export function Stage() {
  const { t } = useTranslation();
  const { ui } = useVisit();
  const [prefs] = usePrefs();
  const tiles = useTiles();
  const pinned = useSelected(ui, (now) => now.pinned);
  const shares = sharesOf(tiles);
  useShareAnnouncements(shares.map(({ id, name, isMe }) => ({ id, name: isMe ? null : name })));

  const draw = (data: TileData, size?: { width: number; height: number }) => (
    <Tile
      key={data.person.id}
      {...data}
      mirrored={data.isMe && prefs.mirrorSelf}
      pinned={pinned === data.person.id}
      onPin={() => ui.togglePin(data.person.id)}
      {...(size ? { size } : {})}
    />
  );
  const large = tiles.find(({ person }) => person.id === pinned);
  const beside = shares.length > 0 ? tiles : tiles.filter((tile) => tile !== large);
  return (
    <section className="stage" aria-label={t("stage.label")}>
      {shares.length > 0 || large ? (
        <div className="stage-focus" data-alone={beside.length === 0}>
          <div className="stage-content">
            {shares.length > 0 ? <SharedScreens shares={shares} /> : large && draw(large)}
          </div>
          {beside.length > 0 && (
            <div className="stage-strip">{beside.map((tile) => draw(tile))}</div>
          )}
        </div>
      ) : (
        <FluidGrid tiles={tiles} draw={draw} />
      )}
      {tiles.length === 1 && shares.length === 0 && <InviteCard />}
      <Trouble />
      <Sound />
    </section>
  );
}

/** Says who starts sharing; the picture says it to those who see. */
function useShareAnnouncements(
  shares: readonly { readonly id: string; readonly name: string | null }[],
) {
  const { t } = useTranslation();
  const key = shares.map(({ id, name }) => `${id}\n${name ?? ""}`).join("\0");
  const before = useRef(key);
  useEffect(() => {
    const known = new Set(before.current.split("\0"));
    before.current = key;
    for (const entry of key.split("\0")) {
      if (entry === "" || known.has(entry)) continue;
      const name = entry.split("\n")[1] ?? "";
      announce(name === "" ? t("stage.youShare") : t("stage.screenOf", { name }));
    }
  }, [key, t]);
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
  if (mayPlaySound) return null;
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
