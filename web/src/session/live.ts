/** A session over the real network and the real media engine. */
import { ask, endRoom, verifyToken } from "./api";
import type { DeviceChoice } from "./media";
import { serverAnswers } from "./reachable";
import { createSession, type Lighter, type Session } from "./session";

export function createLiveSession(
  token: string,
  onToken: (token: string) => void,
  devices: () => DeviceChoice,
  lighter: Lighter,
): Session {
  // Fetched while the server looks at the invitation.
  const loading = import("./nats-link");
  // Whoever needs it hears of the failure.
  loading.catch(() => undefined);
  return createSession({
    token,
    onToken,
    devices,
    lighter,
    verify: verifyToken,
    endRoom,
    ask,
    openLink: async (admission, current, handlers) => {
      const { openNatsLink } = await loading;
      return openNatsLink({ admission, token: current, handlers });
    },
    loadEngine: async (handlers) => {
      const { createLiveKitEngine } = await import("./livekit-engine");
      return createLiveKitEngine(handlers);
    },
    now: Date.now,
    reachable: serverAnswers,
  });
}
