// A TCP relay in front of the server whose cable can be pulled: connections break and new ones are refused until it is
// plugged in again. The browser keeps talking to one address while the server behind it dies and comes back.
import dgram from "node:dgram";
import net from "node:net";

export class WireCutter {
  #relay;
  #pairs = new Set();
  #cut = false;

  /** @param {number} target port on the loopback address */
  static async before(target) {
    const cutter = new WireCutter();
    cutter.#relay = net.createServer((near) => cutter.#accept(near, target));
    await new Promise((done) => cutter.#relay.listen(0, "127.0.0.1", done));
    return cutter;
  }

  get origin() {
    return `http://127.0.0.1:${this.#relay.address().port}`;
  }

  /** How many connections pass through at this moment. */
  get connections() {
    return this.#pairs.size;
  }

  /** Breaks every connection and refuses new ones. */
  cut() {
    this.#cut = true;
    for (const pair of this.#pairs) pair.destroy();
  }

  /** Breaks every connection once; the next ones pass. With `path`, only those that asked for it first. */
  flap(path = "") {
    for (const pair of this.#pairs) if (pair.asked.startsWith(path)) pair.destroy();
  }

  mend() {
    this.#cut = false;
  }

  async dispose() {
    this.cut();
    await new Promise((done) => this.#relay.close(done));
  }

  #accept(near, target) {
    if (this.#cut) {
      near.destroy();
      return;
    }
    const far = net.connect(target, "127.0.0.1");
    const pair = {
      /** The path of its first request. */
      asked: "",
      destroy: () => {
        near.destroy();
        far.destroy();
      },
    };
    const forget = () => {
      pair.destroy();
      this.#pairs.delete(pair);
    };
    this.#pairs.add(pair);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on("error", forget);
      socket.on("close", forget);
    }
    near.once("data", (piece) => (pair.asked = piece.toString("latin1").split(" ")[1] ?? ""));
    near.pipe(far);
    far.pipe(near);
  }
}

/** Where the relay for media stands: another address of this machine with the port of the server. */
const MEDIA_ADDRESS = "127.0.0.2";

/** Configuration of a server that sends browsers to the relay, and to nowhere else. */
export const MEDIA_BEHIND_RELAY = `plenum:
  media:
    advertise: [${MEDIA_ADDRESS}]
    tcp: false
    turn: {enabled: false}
`;

/** More sources of datagrams than any test has. */
const MAX_SOURCES = 64;

/** A UDP relay in front of the media port: while it is cut, datagrams of both directions vanish, as on a dead line. */
export class MediaCutter {
  #relay = dgram.createSocket("udp4");
  #far = new Map();
  #cut = false;

  /** @param {number} target port on the loopback address */
  static async before(target) {
    const cutter = new MediaCutter();
    cutter.#relay.on("message", (datagram, source) => cutter.#forward(datagram, source, target));
    await new Promise((done, fail) => {
      cutter.#relay.once("error", fail);
      cutter.#relay.bind(target, MEDIA_ADDRESS, done);
    });
    return cutter;
  }

  cut() {
    this.#cut = true;
  }

  mend() {
    this.#cut = false;
  }

  async dispose() {
    this.cut();
    for (const socket of this.#far.values()) socket.close();
    await new Promise((done) => this.#relay.close(done));
  }

  #forward(datagram, source, target) {
    if (this.#cut) return;
    const name = `${source.address}:${source.port}`;
    let far = this.#far.get(name);
    if (!far) {
      if (this.#far.size >= MAX_SOURCES) return;
      far = dgram.createSocket("udp4");
      // A server that is down refuses datagrams; so does a browser that is gone.
      far.on("error", () => {});
      far.on("message", (answer) => {
        if (!this.#cut) this.#relay.send(answer, source.port, source.address, () => {});
      });
      this.#far.set(name, far);
    }
    far.send(datagram, target, "127.0.0.1", () => {});
  }
}
