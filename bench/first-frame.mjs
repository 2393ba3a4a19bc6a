// What somebody waits for on the way in, on loopback in headless Chromium: from the link to a join button that can be pressed,
// and from the click on it, a moment later, to the meeting, and to the first picture of the other person, decoded and on the
// screen.
import { printTable, quantile } from "./release.mjs";

const { launchChromium } = await import("../e2e/lib/chromium.mjs");
const { received } = await import("../e2e/lib/media.mjs");
const { Server } = await import("../e2e/lib/server.mjs");
const { pause, until } = await import("../e2e/lib/until.mjs");
const { World } = await import("../e2e/lib/world.mjs");

const JOINS = 10;

/** So long people look at themselves before they join. */
const LOOK_MS = 1_000;

/** Runs in the page before its own code: notes when the button was clicked, when there was a tile, and when Ana was on the screen, on the page's clock. */
function watchTheWayIn() {
  const times = { clicked: null, shown: null, seen: null };
  Object.defineProperty(window, "__wayIn", { value: times });
  document.addEventListener(
    "click",
    ({ target }) => {
      if (target.closest(".green-join")) times.clicked = performance.now();
    },
    true,
  );
  const watched = new WeakSet();
  new MutationObserver(() => {
    if (document.querySelector(".tile")) times.shown ??= performance.now();
    const video = document.querySelector('.tile[aria-label="Ana"] video');
    if (!video || watched.has(video)) return;
    watched.add(video);
    video.requestVideoFrameCallback(() => (times.seen ??= performance.now()));
  }).observe(document, { childList: true, subtree: true });
}

/** As real cameras are. */
const browser = await launchChromium({ rate: 20 });
const camera = { browser, largeCamera: true };

const world = new World(await Server.start());
const took = { ready: [], shown: [], decoded: [], seen: [] };
try {
  await world.join("Ana", { admin: true, ...camera });
  for (let run = 0; run < JOINS; run += 1) {
    const ben = await world.open("Ben", camera);
    await ben.context.addInitScript(watchTheWayIn);
    const link = await world.link("Ben", { id: `ben-${run}` });
    const opened = performance.now();
    await ben.page.goto(link);
    await ben.page.locator("#startupJoinModal .green-join:enabled").waitFor();
    took.ready.push(performance.now() - opened);
    await pause(LOOK_MS);
    await ben.joinButton.click();
    const clicked = await ben.page.evaluate(() => window.__wayIn.clicked);
    await until(
      "the first picture",
      async () =>
        (await received(ben.page)).some((track) => track.kind === "video" && track.frames > 0),
      { every: 10 },
    );
    took.decoded.push((await ben.page.evaluate(() => performance.now())) - clicked);
    const seen = await until(
      "a picture on the screen",
      () => ben.page.evaluate(() => window.__wayIn.seen),
      { every: 50 },
    );
    took.seen.push(seen - clicked);
    took.shown.push((await ben.page.evaluate(() => window.__wayIn.shown)) - clicked);
    await ben.context.close();
  }
} finally {
  await world.dispose();
  await browser.close();
}

const row = (what, times) => {
  times.sort((a, b) => a - b);
  return [what, `${quantile(times, 0.5).toFixed(0)} ms`, `${times.at(-1).toFixed(0)} ms`];
};
printTable([
  ["What", `median of ${JOINS}`, "slowest"],
  row("link to a join button that can be pressed", took.ready),
  row("click to the meeting with its people", took.shown),
  row("click to the first remote picture, decoded", took.decoded),
  row("click to the first remote picture, on the screen", took.seen),
]);
