// Ports for servers that must keep theirs over a restart, so that "any free one" will not do.
import { randomInt } from "node:crypto";
import dgram from "node:dgram";
import { readFileSync } from "node:fs";
import net from "node:net";

const LOWEST = 10_000;
const ATTEMPTS = 50;

/**
 * A port that is free for TCP and for UDP at this moment.
 *
 * It lies below the range from which the system hands out ports by itself, so that no outgoing connection, browser or
 * other test takes it while its server is down.
 */
export async function freePort() {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(LOWEST, ephemeralStart());
    if ((await isTcpFree(port)) && (await isUdpFree(port))) return port;
  }
  throw new Error(`found no port that is free for both TCP and UDP in ${ATTEMPTS} attempts`);
}

function ephemeralStart() {
  try {
    const [start] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s/);
    if (Number(start) > LOWEST) return Number(start);
  } catch {
    // not Linux
  }
  return 32_768;
}

function isTcpFree(port) {
  return new Promise((done) => {
    const socket = net.createServer();
    socket.once("error", () => done(false));
    socket.listen(port, "127.0.0.1", () => socket.close(() => done(true)));
  });
}

function isUdpFree(port) {
  return new Promise((done) => {
    const socket = dgram.createSocket("udp4");
    socket.once("error", () => done(false));
    socket.bind(port, "127.0.0.1", () => socket.close(() => done(true)));
  });
}
