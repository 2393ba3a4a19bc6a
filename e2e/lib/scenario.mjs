// One test: a server of its own, people in browsers of their own, and everything kept when it fails.
import test, { after } from "node:test";

import { Server } from "./server.mjs";
import { closeBrowser, World } from "./world.mjs";

const SCENARIO_TIMEOUT_MS = 180_000;

after(closeBrowser);

/** Registers a test whose name is true of the product. */
export function scenario(name, body, { config } = {}) {
  test(name, { timeout: SCENARIO_TIMEOUT_MS }, async () => {
    const world = new World(await Server.start({ config }));
    try {
      await body(world);
      world.checkManners();
    } catch (error) {
      await world.keepEvidence(name, error);
      throw error;
    } finally {
      await world.dispose();
    }
  });
}
