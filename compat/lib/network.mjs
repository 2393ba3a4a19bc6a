// The line of one client, as the NATS library takes it: `wsFactory` of `Member.enter`.
import WebSocket from "ws";

/** A network that can be cut, and is down until it is mended. A socket that is ended without that is dialled anew. */
export function network() {
  const line = { isCut: false };
  line.wsFactory = async (url) => {
    if (line.isCut) throw new Error("no network");
    line.socket = new WebSocket(url);
    return { socket: line.socket, encrypted: false };
  };
  line.cut = () => {
    line.isCut = true;
    line.socket.terminate();
  };
  line.mend = () => {
    line.isCut = false;
  };
  return line;
}
