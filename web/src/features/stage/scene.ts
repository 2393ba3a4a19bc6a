/** Who is large, who floats and who stands among the others: rules without geometry. */
import type { Layout, SelfView } from "../../session/prefs";
import type { ParticipantId } from "../../wire/types";

export interface SceneRequest {
  /** Everybody on the stage, in their lasting order. */
  readonly all: readonly ParticipantId[];
  readonly me: ParticipantId | null;
  readonly pinned: ParticipantId | null;
  /** Who is large for everybody, in this order. */
  readonly spotlight: readonly ParticipantId[];
  /** Who is large in the speaker layout. */
  readonly speaker: ParticipantId | null;
  readonly layout: Layout;
  /** `null` lets the number of people decide. */
  readonly selfView: SelfView | null;
  /** Whether somebody else shares their screen. */
  readonly content: boolean;
}

export interface Scene {
  readonly flow: readonly ParticipantId[];
  readonly large: ParticipantId | "content" | null;
  /** Who is large as well, beside the first. */
  readonly beside: readonly ParticipantId[];
  readonly floating: ParticipantId | null;
}

export function sceneOf(request: SceneRequest): Scene {
  const { all, me, content, layout } = request;
  const others = all.filter((id) => id !== me);
  const pinned = all.find((id) => id === request.pinned) ?? null;
  const lit = request.spotlight.filter((id) => all.includes(id));
  // What one pins for oneself counts before what a host shows to all.
  const chosen = pinned === null ? lit : [pinned];
  const duo = others.length === 1 && !content && chosen.length === 0;
  const self = placeOfMine(request, others.length, duo);
  const mineIsLarge = me !== null && chosen.includes(me);
  const flow = self === "among" || mineIsLarge ? all : others;
  return {
    // Beside shared content whom everybody shall see comes first.
    flow: content ? [...lit, ...flow.filter((id) => !lit.includes(id))] : flow,
    large: content ? "content" : (chosen[0] ?? wholeStage()),
    beside: content ? [] : chosen.slice(1),
    floating: self === "corner" && !mineIsLarge ? me : null,
  };

  function wholeStage(): ParticipantId | null {
    // With two people, whoever is not me has the stage, unless I want to stand beside them.
    if (duo && self !== "among") return others[0] ?? null;
    if (layout !== "speaker" || others.length === 0) return null;
    return others.find((id) => id === request.speaker) ?? others[0] ?? null;
  }
}

/** Whoever is not large shares the pages. */
export const sharingPages = ({ flow, large, beside }: Scene): readonly ParticipantId[] =>
  flow.filter((id) => id !== large && !beside.includes(id));

function placeOfMine({ selfView }: SceneRequest, others: number, duo: boolean): SelfView {
  // There is nobody to stand among or to float over.
  if (others === 0) return selfView === "hidden" ? "hidden" : "among";
  return selfView ?? (duo ? "corner" : "among");
}

/** Who is large in the speaker layout next: whoever talks keeps it until somebody else does. */
export function nextSpeaker(
  talking: readonly ParticipantId[],
  current: ParticipantId | null,
): ParticipantId | null {
  if (current !== null && talking.includes(current)) return current;
  return talking[0] ?? current;
}
