/** A session over the real network and the real media engine. */
import { endRoom, verifyToken } from "./api";
import { openNatsLink } from "./nats-link";
import type { DeviceChoice } from "./media";
import { createSession, type Session } from "./session";

export function createLiveSession(
  token: string,
  onToken: (token: string) => void,
  devices: () => DeviceChoice,
): Session {
  return createSession({
    token,
    onToken,
    devices,
    verify: verifyToken,
    endRoom,
    openLink: (admission, current, handlers) =>
      openNatsLink({ admission, token: current, handlers }),
    loadEngine: async (handlers) => {
      const { createLiveKitEngine } = await import("./livekit-engine");
      return createLiveKitEngine(handlers);
    },
    now: Date.now,
  });
}
