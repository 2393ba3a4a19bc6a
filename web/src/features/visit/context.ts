import { createContext, use } from "react";
import { useSelected, useStore } from "../../kit/use-store";
import type { DevicesStore } from "../../session/devices";
import type { Session } from "../../session/session";
import type { Person, RoomState } from "../../wire/types";
import type { Actions } from "../shortcuts/actions";
import type { UiStore } from "./ui-store";

/** What every screen of one visit shares. */
export interface VisitValue {
  readonly session: Session;
  readonly devices: DevicesStore;
  readonly ui: UiStore;
  readonly actions: Actions;
  /** To another room with another token, devices as they are: into a breakout room and back. */
  travel(token: string): void;
  /** Kept by what is loaded with the meeting: where this person goes when a breakout room ends. */
  readonly wayBack: { token: string | null };
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
