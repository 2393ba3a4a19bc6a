// What somebody is seen in front of: chosen as people do, and judged by what others really get to see.
import { until } from "./until.mjs";

/** Points of a picture that are compared, across and down. */
const ACROSS = 16;
const DOWN = 12;
/** So far apart two colours are still the same after encoding, of 441. */
const SAME = 60;

/** Opens the choice in the green room. */
export async function openChoice({ page }) {
  await page.getByRole("button", { name: "Background", exact: true }).click();
  await page.getByRole("group", { name: "What is behind you" }).waitFor();
}

/** Opens the choice in the meeting, in the menu of the camera. */
export async function openBackgrounds(person) {
  await person.button("Choose camera").click();
  await person.page.getByRole("menuitem", { name: "Background…" }).click();
  await dialog(person).getByRole("group", { name: "What is behind you" }).waitFor();
}

export const dialog = ({ page }) => page.getByRole("dialog", { name: "Background" });

export const choice = ({ page }, name) => page.getByRole("radio", { name, exact: true });

export async function choose(person, name) {
  await choice(person, name).check();
}

/** Colours of a picture at points all over it, the same whatever its size: `[r, g, b][]`. */
function coloursIn(element, { across, down, mirrored }) {
  const [width, height] =
    element instanceof HTMLVideoElement
      ? [element.videoWidth, element.videoHeight]
      : [element.naturalWidth, element.naturalHeight];
  if (!width || !height) return null;
  const canvas = document.createElement("canvas");
  // The middle, in the shape of what a camera delivers here.
  [canvas.width, canvas.height] = [320, 240];
  const context = canvas.getContext("2d");
  const scale = Math.max(320 / width, 240 / height);
  if (mirrored) {
    context.translate(320, 0);
    context.scale(-1, 1);
  }
  const [w, h] = [width * scale, height * scale];
  context.drawImage(element, (320 - w) / 2, (240 - h) / 2, w, h);
  const colours = [];
  for (let row = 0; row < down; row += 1) {
    for (let column = 0; column < across; column += 1) {
      const x = Math.round(((column + 0.5) / across) * 320);
      const y = Math.round(((row + 0.5) / down) * 240);
      colours.push(Array.from(context.getImageData(x, y, 1, 1).data.subarray(0, 3)));
    }
  }
  return colours;
}

const POINTS = { across: ACROSS, down: DOWN, mirrored: false };

/** What a picture looks like that somebody may choose. */
export async function coloursOfChoice(person, name) {
  const picture = choice(person, name).locator("xpath=..").locator("img");
  await picture.evaluate((image) => image.decode());
  return picture.evaluate(coloursIn, POINTS);
}

/** The part of a picture that looks like another: 0 to 1. */
function likeness(seen, wanted) {
  const far = ([r, g, b], [x, y, z]) => Math.hypot(r - x, g - y, b - z);
  return seen.filter((colour, at) => far(colour, wanted[at]) < SAME).length / wanted.length;
}

const videoOf = (viewer, name) => viewer.tile(name).locator("video");

/** How much of what the viewer sees of somebody looks like that: decoded frames, not what anybody claims. */
async function likenessOf(viewer, name, wanted) {
  const video = videoOf(viewer, name);
  if ((await video.count()) === 0) return null;
  const seen = await video.first().evaluate(coloursIn, POINTS);
  return seen && likeness(seen, wanted);
}

/** Waits until the viewer sees somebody in front of this; nobody sits before a fake camera. */
export function untilInFrontOf(viewer, name, wanted, { timeout = 40_000 } = {}) {
  return until(
    `${name} in front of the picture, as ${viewer.name} sees it`,
    async () => {
      const found = await likenessOf(viewer, name, wanted);
      if (found !== null && found > 0.7) return true;
      throw new Error(`${found} of it looks like that`);
    },
    { timeout },
  );
}

/** Waits until the viewer sees what is really there: the fake camera's pattern. */
export function untilAsIs(viewer, name, wanted, { timeout = 40_000 } = {}) {
  return until(
    `${name} as the camera films, as ${viewer.name} sees it`,
    async () => {
      const found = await likenessOf(viewer, name, wanted);
      if (found !== null && found < 0.3) return true;
      throw new Error(`${found} of it looks like the picture`);
    },
    { timeout },
  );
}

/**
 * Watches every frame the viewer gets of somebody from now on; the answer ends it and says how many looked like the
 * fake camera's green, which nothing but the bare camera shows.
 */
export async function watchForTheRoom(viewer, name) {
  await viewer.page.evaluate((label) => {
    const seen = { frames: 0, bare: 0 };
    window.__watched = seen;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [32, 24];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const look = () => {
      if (window.__watched !== seen) return;
      const video = document.querySelector(`figure[aria-label="${label}"] video`);
      if (video?.videoWidth > 0) {
        context.drawImage(video, 0, 0, 32, 24);
        const { data } = context.getImageData(0, 0, 32, 24);
        let green = 0;
        for (let at = 0; at < data.length; at += 4) {
          const [r, g, b] = data.slice(at, at + 3);
          if (g > 120 && g > r * 1.6 && g > b * 1.6) green += 1;
        }
        seen.frames += 1;
        if (green > 32 * 24 * 0.6) seen.bare += 1;
      }
      requestAnimationFrame(look);
    };
    look();
  }, name);
  return () =>
    viewer.page.evaluate(() => {
      const { frames, bare } = window.__watched;
      delete window.__watched;
      return { frames, bare };
    });
}
