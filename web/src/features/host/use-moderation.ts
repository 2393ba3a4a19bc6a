import { useMemo } from "react";
import { createModeration, type Moderation } from "../../session/moderation";
import { useSession } from "../visit/context";

/** What hosts can do. Whoever is none is refused by the server, so offer it only to hosts. */
export function useModeration(): Moderation {
  const session = useSession();
  return useMemo(() => createModeration(session), [session]);
}
