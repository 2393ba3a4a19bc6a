/**
 * Whether packets of a peer connection get through on one way and back: the browser's own ICE asks the media server there
 * for an address (TURN), and nothing more. No connection comes of it, so nobody in a meeting hears of it.
 */

export interface Attempt {
  readonly ok: boolean;
  /** Until the answer came. */
  readonly ms: number | null;
  /** The browser's own words. */
  readonly error: string | null;
}

/** A network that swallows packets says nothing; the browser would go on asking for ten seconds. */
const PATIENCE_MS = 6_000;

export function tryWay(server: RTCIceServer, signal: AbortSignal): Promise<Attempt> {
  return new Promise((resolve) => {
    const begun = performance.now();
    let connection: RTCPeerConnection | null = null;
    let error: string | null = null;
    const end = (ok: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      // Lets go of the address as well.
      connection?.close();
      connection = null;
      resolve({ ok, ms: ok ? performance.now() - begun : null, error: ok ? null : error });
    };
    const stop = () => end(false);
    const timer = setTimeout(() => {
      error ??= "timeout";
      end(false);
    }, PATIENCE_MS);
    signal.addEventListener("abort", stop);
    if (signal.aborted) return stop();
    try {
      connection = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: "relay" });
      connection.addEventListener("icecandidate", ({ candidate }) => {
        if (connection === null) return;
        if (candidate?.type === "relay") end(true);
        // The last word: nothing more comes.
        else if (candidate === null) end(false);
      });
      connection.addEventListener("icecandidateerror", (event) => {
        error = `${event.errorCode} ${event.errorText}`.trim();
      });
      connection.createDataChannel("check");
      connection.setLocalDescription().catch((reason: unknown) => {
        error = String(reason);
        if (connection !== null) end(false);
      });
    } catch (reason) {
      error = String(reason);
      end(false);
    }
    return undefined;
  });
}
