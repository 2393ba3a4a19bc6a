import { useEffect, useMemo, useState } from "react";
import type { ParticipantId } from "../../wire/types";
import { arranged, bringForward, NOBODY_FORWARD, REST_MS } from "./forward";
import type { TileData } from "./use-tiles";

interface ForwardRequest {
  readonly tiles: readonly TileData[];
  /** Who shares the pages. */
  readonly flow: readonly ParticipantId[];
  readonly perPage: number;
  /** Whom everybody shall see. */
  readonly spotlight: readonly ParticipantId[];
  /** Only while somebody looks at the first page, and wishes it. */
  readonly active: boolean;
}

/** The flow in the order it is shown in: whoever speaks comes to the first page. */
export function useForward(request: ForwardRequest): readonly ParticipantId[] {
  const { tiles, flow, perPage, spotlight, active } = request;
  const [state, setState] = useState(NOBODY_FORWARD);
  const many = flow.length > perPage;
  const talking = tiles
    .filter(({ speaking, isMe }) => speaking && !isMe)
    .map(({ person }) => person.id)
    .join(" ");
  const staying = tiles
    .filter(({ isMe, person }) => isMe || person.isAdmin || spotlight.includes(person.id))
    .map(({ person }) => person.id)
    .join(" ");
  useEffect(() => {
    if (!many || !active) return undefined;
    const around = { flow, perPage, speaking: idsOf(talking), kept: new Set(idsOf(staying)) };
    const look = () => setState((before) => bringForward(before, { ...around, now: Date.now() }));
    look();
    // Whoever still speaks when it is time for another face is not missed.
    const timer = setInterval(look, REST_MS);
    return () => clearInterval(timer);
  }, [many, active, flow, perPage, talking, staying]);
  return useMemo(
    () => (many ? arranged(flow, state.places, perPage) : flow),
    [many, flow, state.places, perPage],
  );
}

const idsOf = (joined: string) => (joined === "" ? [] : (joined.split(" ") as ParticipantId[]));
