import { useMemo } from "react";
import { useSelected, useStore } from "../../kit/use-store";
import { sentBy, type PersonMedia, type TrackHandle } from "../../session/media";
import { stageOrder, visiblePeople } from "../../session/people";
import type { ParticipantId, Person } from "../../wire/types";
import { usePrefs } from "../settings/prefs-context";
import { useMe, useRoomState, useSession } from "../visit/context";

export interface TileData {
  readonly person: Person;
  readonly media: PersonMedia;
  readonly isMe: boolean;
  readonly speaking: boolean;
}

/** Everybody on the stage in their lasting order, with what they send. */
export function useTiles(): readonly TileData[] {
  const { people, media, me: whoAmI } = useSession();
  const all = useStore(people);
  const sent = useSelected(media, (now) => now.people);
  const status = useSelected(media, (now) => now.status);
  const preview = useSelected(media, (now) => now.preview);
  const speaking = useSelected(media, (now) => now.speaking);
  const iAmAdmin = useMe()?.isAdmin ?? false;
  const features = useRoomState()?.features;
  const viewOthers = features?.viewOtherWebcams ?? true;
  const viewList = features?.viewUserList ?? true;
  const [{ showCameras }] = usePrefs();
  const me = whoAmI();
  return useMemo(() => {
    if (me === null) return [];
    return stageOrder(visiblePeople(all, all.get(me), viewList), me).map((person) => {
      const theirs = sentBy({ status, people: sent }, person.id);
      const isMe = person.id === me;
      const secret = !viewOthers && !iAmAdmin && !person.isAdmin;
      // Nothing is fetched that has no place on the screen.
      const hidden = !isMe && (secret || !showCameras);
      const own = isMe && theirs.camera === null ? preview : null;
      const camera = hidden ? null : (theirs.camera ?? own);
      return {
        person,
        isMe,
        media: camera === theirs.camera ? theirs : { ...theirs, camera, rear: own?.rear ?? false },
        // A ring round a muted person would be an echo of a moment ago.
        speaking: speaking.has(person.id) && theirs.microphone === "live",
      };
    });
  }, [all, sent, status, preview, speaking, me, viewOthers, viewList, iAmAdmin, showCameras]);
}

export interface Share {
  readonly id: ParticipantId;
  readonly name: string;
  readonly screen: TrackHandle;
  /** Nothing of it arrives. */
  readonly missing: boolean;
}

/**
 * Every screen that others share, first what everybody shall look at: of those in the spotlight, then the
 * presenter's. One's own is already in front of oneself.
 */
export function sharesOf(
  tiles: readonly TileData[],
  spotlight: readonly ParticipantId[] = [],
): readonly Share[] {
  const rank = ({ person: { id, isPresenter } }: TileData) => {
    const lit = spotlight.indexOf(id);
    return lit !== -1 ? lit : spotlight.length + (isPresenter ? 0 : 1);
  };
  return tiles
    .toSorted((a, b) => rank(a) - rank(b))
    .flatMap(({ person: { id, name }, media: { screen, missing }, isMe }) =>
      screen && !isMe ? [{ id, name, screen, missing: missing.screen }] : [],
    );
}
