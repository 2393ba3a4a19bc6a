import { useMemo, useState } from "react";
import { useSelected } from "../../kit/use-store";
import { countPresent } from "../../session/people";
import type { SelfView } from "../../session/prefs";
import { usePrefs } from "../settings/prefs-context";
import { useRoomState, useSession, useVisit } from "../visit/context";
import { nextSpeaker, sceneOf, type Scene } from "./scene";
import type { TileData } from "./use-tiles";

const NOBODY: Scene["flow"] = [];

/** Who is where right now, by what this person chose and by who is talking. */
export function useScene(tiles: readonly TileData[], content: boolean): Scene {
  const { ui } = useVisit();
  const [{ layout, selfView }] = usePrefs();
  const pinned = useSelected(ui, (now) => now.pinned);
  const spotlight = useRoomState()?.spotlight ?? NOBODY;
  const [speaker, setSpeaker] = useState<Scene["floating"]>(null);
  const talking = tiles.filter((tile) => tile.speaking && !tile.isMe);
  const next = nextSpeaker(
    talking.map(({ person }) => person.id),
    speaker,
  );
  if (next !== speaker) setSpeaker(next);
  return useMemo(
    () =>
      sceneOf({
        all: tiles.map(({ person }) => person.id),
        me: tiles.find(({ isMe }) => isMe)?.person.id ?? null,
        pinned,
        spotlight,
        speaker: next,
        layout,
        selfView,
        content,
      }),
    [tiles, pinned, spotlight, next, layout, selfView, content],
  );
}

/** Where my picture is, also while nobody has chosen. */
export function useSelfView(): { inUse: SelfView; choose: (view: SelfView) => void } {
  const { people } = useSession();
  const [{ selfView }, change] = usePrefs();
  const two = useSelected(people, countPresent) === 2;
  return {
    inUse: selfView ?? (two ? "corner" : "among"),
    choose: (view) => change({ selfView: view }),
  };
}
