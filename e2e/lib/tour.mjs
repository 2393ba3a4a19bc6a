// A walk over every screen, for the accessibility test and for the pictures in the documents.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { untilSeeing } from "./media.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const LOOKS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 }, hasTouch: true },
};

/** Calls `look(screen, person)` on each screen, in a meeting of three. */
export async function tour(world, options, look) {
  const room = "tour";
  await world.server.createRoom(room, { title: "Design review" });
  const ana = await world.open("Ana", options);
  await ana.openFrontDoor();
  await ana.button("Start meeting").waitFor();
  await look("front-door", ana);

  await ana.openLink(await world.link("Ana", { room, admin: true }));
  await look("green-room", ana);

  const ben = await world.join("Ben", { room });
  const cleo = await world.join("Cleo", { room });
  await ana.enter();
  await untilSeeing(ana.page, 2);
  await look("meeting", ana);

  await ben.raiseHand();
  await ana.seesHandOf("Ben", { raised: true });
  await look("people", ana);

  await ana.write("Good morning! The agenda is in the first message.");
  await cleo.write("Good morning");
  await ana.reads("Good morning");
  await look("chat", ana);

  await ana.endForEveryone();
  await look("ended", ana);
}

/** What axe finds wrong on the page as it is, one line per rule. */
export async function violations(page) {
  // evaluated rather than added as an element, which the page's own policy rightly refuses
  await page.evaluate(AXE);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(
    (rule) =>
      `${rule.id} (${rule.impact}): ${rule.nodes.map((node) => node.target.join(" ")).join(", ")}`,
  );
}

/** How many pixels the page is wider than the window. */
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}
