// npm run screens: takes the pictures for the documents into docs/screens. Needs target/debug/plenum.
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { Server } from "../lib/server.mjs";
import { LOOKS, tour } from "../lib/tour.mjs";
import { closeBrowser, World } from "../lib/world.mjs";
import { drawInsteadOfFilming, LOOK_OF } from "./portrait.mjs";

const FOLDER = resolve(fileURLToPath(import.meta.url), "../../../docs/screens");

await mkdir(FOLDER, { recursive: true });
for (const [name, options] of Object.entries(LOOKS)) {
  const world = new World(await Server.start());
  const open = world.open.bind(world);
  world.open = async (who, how) => {
    const person = await open(who, how);
    await person.page.addInitScript(drawInsteadOfFilming, LOOK_OF[who]);
    return person;
  };
  try {
    await tour(world, options, async (screen, person) => {
      const file = name === "light" ? `${screen}.png` : `${screen}-${name}.png`;
      await person.page.screenshot({ path: join(FOLDER, file) });
    });
  } finally {
    await world.dispose();
  }
}
await closeBrowser();
