// One test: a server of its own, people in browsers of their own, and everything kept when it fails.
import test, { after } from "node:test";

import { Server } from "./server.mjs";
import { closeBrowser, World } from "./world.mjs";

const SCENARIO_TIMEOUT_MS = 300_000;

// Software encoders and decoders of several browsers share two cores with whatever else the machine does. One scenario of
// a file may therefore try again, loudly and with the evidence of the first try kept; a second one that fails has failed.
let secondChances = 1;

after(closeBrowser);

/** Registers a test whose name is true of the product. */
export function scenario(name, body, options = {}) {
  test(name, { timeout: SCENARIO_TIMEOUT_MS, skip: options.skip }, async (context) => {
    try {
      await play(name, body, options);
    } catch (error) {
      if (secondChances === 0) throw error;
      secondChances -= 1;
      context.diagnostic(`FLAKY: failed at first with: ${error.message}`);
      await play(`${name}, second chance`, body, options);
    }
  });
}

async function play(name, body, { config }) {
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
}
