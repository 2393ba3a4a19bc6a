import { createContext, use } from "react";
import { useSelected, useStore } from "../../kit/use-store";
import type { DevicesStore } from "../../session/devices";
import type { EndReason } from "../../session/errors";
import type { Session } from "../../session/session";
import type { Person, RoomState } from "../../wire/types";
import type { Actions } from "../shortcuts/actions";
import type { UiStore } from "./ui-store";
import type { WayBack } from "./way-back";

/** What every screen of one visit shares. */
export interface VisitValue {
  readonly session: Session;
  readonly devices: DevicesStore;
  readonly ui: UiStore;
  readonly actions: Actions;
  /** To another room with another token, devices as they are: into a breakout room and back. */
  travel(token: string, roomId: string): void;
  /** Out of a breakout room that came to such an end. */
  goBack(token: string, reason: EndReason): void;
  readonly wayBack: WayBack;
}

export const VisitContext = createContext<VisitValue | null>(null);

export function useVisit(): VisitValue {
  const value = use(VisitContext);
  if (!value) throw new Error("used outside of a visit");
  return value;
}

export const useSession = (): Session => useVisit().session;

/** Me, once the server has said who I am. */
export function useMe(): Person | null {
  const { people, me } = useSession();
  return useSelected(people, (all) => {
    const id = me();
    return id === null ? null : (all.get(id) ?? null);
  });
}

export function useRoomState(): RoomState | null {
  return useStore(useSession().room)?.state ?? null;
}
