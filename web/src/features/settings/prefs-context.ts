import { createContext, use } from "react";
import { useStore } from "../../kit/use-store";
import { createPrefs, type Prefs, type PrefsStore } from "../../session/prefs";

/** What this browser remembers. Without a provider nothing is kept, which suits tests. */
export const PrefsContext = createContext<PrefsStore>(createPrefs(null));

export function usePrefs(): readonly [Prefs, PrefsStore["change"]] {
  const store = use(PrefsContext);
  return [useStore(store), store.change];
}
