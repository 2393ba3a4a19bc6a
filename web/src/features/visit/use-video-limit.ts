import { useEffect } from "react";
import { usePrefs } from "../settings/prefs-context";
import { useSession } from "./context";

/** Fetches of each camera no more than this person wants. */
export function useVideoLimit(): void {
  const { media } = useSession();
  const [{ videoQuality }] = usePrefs();
  useEffect(() => media.limitVideo(videoQuality), [media, videoQuality]);
}
