import { useMemo } from "react";
import { useStore } from "../../kit/use-store";
import { visiblePeople, type People } from "../../session/people";
import { useMe, useRoomState, useSession } from "../visit/context";

/** Everybody this person may know of. */
export function useVisiblePeople(): People {
  const all = useStore(useSession().people);
  const me = useMe();
  const viewAll = useRoomState()?.features.viewUserList ?? true;
  return useMemo(() => visiblePeople(all, me ?? undefined, viewAll), [all, me, viewAll]);
}
