// From the click on "Join" to the first decoded picture of the other person, on loopback in headless Chromium.
import { printTable, quantile } from "./release.mjs";

const { launchChromium } = await import("../e2e/lib/chromium.mjs");
const { received } = await import("../e2e/lib/media.mjs");
const { Server } = await import("../e2e/lib/server.mjs");
const { until } = await import("../e2e/lib/until.mjs");
const { World } = await import("../e2e/lib/world.mjs");

const JOINS = 10;

/** As real cameras are. */
const browser = await launchChromium({ rate: 20 });
const camera = { browser, largeCamera: true };

const world = new World(await Server.start());
const took = [];
try {
  await world.join("Ana", { admin: true, ...camera });
  for (let run = 0; run < JOINS; run += 1) {
    const ben = await world.open("Ben", camera);
    await ben.openLink(await world.link("Ben", { id: `ben-${run}` }));
    const before = performance.now();
    await ben.joinButton.click();
    await until(
      "the first picture",
      async () =>
        (await received(ben.page)).some((track) => track.kind === "video" && track.frames > 0),
      { every: 10 },
    );
    took.push(performance.now() - before);
    await ben.context.close();
  }
} finally {
  await world.dispose();
  await browser.close();
}
took.sort((a, b) => a - b);

printTable([
  ["What", "Measured"],
  [`click to first remote frame, median of ${JOINS}`, `${quantile(took, 0.5).toFixed(0)} ms`],
  ["slowest", `${took.at(-1).toFixed(0)} ms`],
]);
