/** Whether the meeting runs, asked again and again while the page is open. Knows nothing of React. */
import { createStore, type Readable } from "../../session/store";
import { LtiError, type LtiApi } from "./api";

export type Activity = "unknown" | "idle" | "running" | "unreachable" | "expired";

export interface ActivityStore extends Readable<Activity> {
  /** Asks now; later answers to earlier questions no longer count. */
  ask(): Promise<void>;
  dispose(): void;
}

/** Long enough not to burden a server with a whole university waiting, short enough not to be late. */
export const INTERVAL_MS = 5_000;

export function createActivity(api: Pick<LtiApi, "isActive">): ActivityStore {
  const store = createStore<Activity>("unknown");
  let timer: ReturnType<typeof setTimeout> | undefined;
  let round = 0;
  const ask = async () => {
    clearTimeout(timer);
    round += 1;
    const mine = round;
    const answer = await api
      .isActive()
      .then((runs): Activity => (runs ? "running" : "idle"))
      .catch((error: unknown): Activity => {
        return error instanceof LtiError && error.code === "expired" ? "expired" : "unreachable";
      });
    if (mine !== round) return;
    store.set(answer);
    if (answer !== "expired") timer = setTimeout(() => void ask(), INTERVAL_MS);
  };
  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    ask,
    dispose() {
      round += 1;
      clearTimeout(timer);
    },
  };
}
