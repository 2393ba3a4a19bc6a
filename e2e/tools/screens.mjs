// npm run screens: takes the pictures for the documents into docs/screens. Needs target/debug/plenum.
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { tourOfActivities } from "../lib/activities.mjs";
import { Server } from "../lib/server.mjs";
import {
  inEveryLook,
  tourInArabic,
  tourOfArriving,
  tourOfHosting,
  tourOfHostingInArabic,
  tourOfMeeting,
} from "../lib/tour.mjs";
import { closeBrowser, World } from "../lib/world.mjs";
import { drawInsteadOfFilming, LOOK_OF } from "./portrait.mjs";

const FOLDER = resolve(fileURLToPath(import.meta.url), "../../../docs/screens");

/** Which screens the documents show, in which looks; light goes without saying. */
const WANTED = {
  "front-door": ["light", "dark", "phone"],
  "green-room": ["light", "dark", "phone"],
  alone: ["light"],
  two: ["light", "phone"],
  meeting: ["light", "dark", "phone"],
  people: ["light", "dark", "phone"],
  chat: ["light", "dark", "phone"],
  "shared-screen": ["light", "dark", "phone"],
  speaker: ["light"],
  settings: ["dark"],
  leave: ["phone"],
  ended: ["light", "dark", "phone"],
  polls: ["light", "dark"],
  "poll-vote": ["phone"],
  "breakout-rooms": ["light"],
};
const WANTED_OF_HOSTS = {
  "waiting-room": ["light", "phone"],
  locks: ["light", "dark", "phone"],
  "locks-of-one": ["light"],
  "host-person-menu": ["light"],
  hands: ["light"],
  spotlight: ["light"],
  paused: ["light", "dark"],
  "shown-page": ["light"],
};
const WANTED_OF_HOSTS_IN_ARABIC = {
  locks: ["phone-dark"],
  "waiting-room": ["light"],
};
const WANTED_IN_ARABIC = {
  "green-room": ["phone-dark"],
  meeting: ["light"],
  chat: ["light", "phone-dark"],
};

// Pictures of other tools lie there as well.
await mkdir(FOLDER, { recursive: true });
for (const [tour, wanted, mark] of [
  [tourOfArriving, WANTED, ""],
  [tourOfMeeting, WANTED, ""],
  [tourOfHosting, WANTED_OF_HOSTS, ""],
  [tourOfActivities, WANTED, ""],
  [tourInArabic, WANTED_IN_ARABIC, "-arabic"],
  [tourOfHostingInArabic, WANTED_OF_HOSTS_IN_ARABIC, "-arabic"],
]) {
  const world = new World(await Server.start());
  const open = world.open.bind(world);
  world.open = async (who, how) => {
    const person = await open(who, how);
    await person.page.addInitScript(drawInsteadOfFilming, LOOK_OF[who]);
    return person;
  };
  try {
    await tour(world, (screen, person) =>
      inEveryLook(person, wanted[screen] ?? [], async (look) => {
        // A machine that draws, encodes and decodes everybody may be slow; that is not what the picture is about.
        const trouble = person.page.locator(".tile-trouble").first();
        await trouble.waitFor({ state: "detached" }).catch(() => undefined);
        const ending = look === "light" ? "" : `-${look}`;
        await person.page.screenshot({ path: join(FOLDER, `${screen}${mark}${ending}.png`) });
      }),
    );
  } finally {
    await world.dispose();
  }
}
await closeBrowser();
