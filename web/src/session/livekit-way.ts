/**
 * The way by which sound and pictures travel may end without a word: the address changes, or somebody closes a port. Browsers
 * take some twenty seconds to believe that. When nothing comes any more and the server answers otherwise, another way is
 * looked for at once.
 */
import { ConnectionState, type Room } from "livekit-client";
import { createWayJudge, heardOver } from "./flow";
import { serverAnswers } from "./reachable";

const EVERY_MS = 1_000;

/** Returns the way to stop. */
export function watchWay(room: Room): () => void {
  let judges = { out: createWayJudge(), in: createWayJudge() };
  let looking = false;
  let stopped = false;

  /** Sound and pictures go out over one connection and come in over another, or both over the same. */
  const isSilent = async () => {
    if (room.state !== ConnectionState.Connected) {
      judges = { out: createWayJudge(), in: createWayJudge() };
      return false;
    }
    const now = performance.now();
    const tracks = {
      out: [...room.localParticipant.trackPublications.values()],
      in: [...room.remoteParticipants.values()].flatMap(({ trackPublications }) => [
        ...trackPublications.values(),
      ]),
    };
    const verdicts = (["out", "in"] as const).map(async (which) => {
      const track = tracks[which].find((publication) => publication.track)?.track;
      const report = await track?.getRTCStatsReport();
      const count = heardOver(report ? [...report.values()] : []);
      return judges[which]({ count, expected: track !== undefined, now });
    });
    return (await Promise.all(verdicts)).some(Boolean);
  };

  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      if (!(await isSilent()) || !(await serverAnswers())) return;
      if (stopped || room.state !== ConnectionState.Connected) return;
      // The only door the library has to what it does by itself when a connection fails: it dials again and looks for ways.
      await room.simulateScenario("signal-reconnect");
    } finally {
      looking = false;
    }
  };
  // A track that ends while it is looked at; the next look sees that.
  const timer = setInterval(() => void look().catch(() => undefined), EVERY_MS);
  return () => {
    stopped = true;
    clearInterval(timer);
  };
}
