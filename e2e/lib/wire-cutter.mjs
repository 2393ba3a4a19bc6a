// A TCP relay in front of the server whose cable can be pulled: connections break and new ones are refused until it is
// plugged in again. The browser keeps talking to one address while the server behind it dies and comes back.
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

  /** Breaks every connection once; the next ones pass. */
  flap() {
    this.cut();
    this.mend();
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
    near.pipe(far);
    far.pipe(near);
  }
}
