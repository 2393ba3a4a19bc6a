// What people are seen in front of: judged by the frames that others decode, never by what the page says of itself.
import assert from "node:assert/strict";

import {
  choice,
  choose,
  coloursOfChoice,
  dialog,
  openBackgrounds,
  openChoice,
  untilAsIs,
  untilInFrontOf,
  watchForTheRoom,
} from "../lib/backgrounds.mjs";
import { Looks } from "../lib/looks.mjs";
import { untilSeeing } from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";
import { MEDIA_BEHIND_RELAY } from "../lib/wire-cutter.mjs";

/**
 * A scenario in which somebody is drawn. A worker that is ended takes the frames with it that were on their way to it; nobody
 * can close those any more, and Chromium remarks on it.
 */
const drawing = (name, body, options) =>
  scenario(
    name,
    async (meeting) => {
      meeting.allowedProblems.push(/A VideoFrame was garbage collected without being closed/);
      await body(meeting);
    },
    options,
  );

/** A picture of one colour, as PNG. */
const plainPicture = ({ page }, colour) =>
  page.evaluate(async (fill) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
    const context = canvas.getContext("2d");
    context.fillStyle = fill;
    context.fillRect(0, 0, 640, 360);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    return [...new Uint8Array(await blob.arrayBuffer())];
  }, colour);

async function bring(person, name, colour) {
  const buffer = Buffer.from(await plainPicture(person, colour));
  await person.page
    .getByTestId("background-files")
    .setInputFiles({ name, mimeType: "image/png", buffer });
  await choice(person, `Own picture: ${name.replace(".png", ".jpg")}`).waitFor();
}

/** The layers somebody sends their pictures in: `{rid, width}`, where the width is known while a layer is sent. */
const layersOf = ({ page }) =>
  page.evaluate(async () => {
    const open = window.__peerConnections.filter((pc) => pc.connectionState === "connected");
    const reports = await Promise.all(open.map((pc) => pc.getStats()));
    return reports
      .flatMap((report) => [...report.values()])
      .filter(({ type, kind }) => type === "outbound-rtp" && kind === "video")
      .map(({ rid, frameWidth }) => ({ rid, width: frameWidth ?? 0 }));
  });

/** How it looks, as its own picture shows it. */
async function chooseDusk(person) {
  await openChoice(person);
  await choose(person, "Dusk");
  return coloursOfChoice(person, "Dusk");
}

const drawers = ({ page }) =>
  page.workers().filter((worker) => worker.url().includes("/draw.worker"));

const untilDrawers = (person, count) =>
  until(`${count} worker(s) that draw`, () => {
    const found = drawers(person).length;
    if (found === count) return true;
    throw new Error(`${found} of them`);
  });

drawing(
  "others see the chosen picture, never the room, and again after a reload",
  async (meeting) => {
    const ben = await meeting.join("Ben", { admin: true });
    const ana = await meeting.open("Ana");
    const link = await meeting.link("Ana");
    await ana.openLink(link);
    assert.equal(drawers(ana).length, 0, "nothing is loaded before somebody chooses");
    const dusk = await chooseDusk(ana);
    const stopWatching = await watchForTheRoom(ben, "Ana");
    await ana.enter();
    await untilSeeing(ben.page, 1);
    await untilInFrontOf(ben, "Ana", dusk);

    const layers = await layersOf(ana);
    assert.deepEqual(
      layers.map(({ rid }) => rid).toSorted(),
      ["h", "q"],
      "as for any camera of its size",
    );
    assert.ok(
      layers.every(({ width }) => width <= 640),
      JSON.stringify(layers),
    );

    // Another one, without a break.
    await openBackgrounds(ana);
    assert.ok(await choice(ana, "Dusk").isChecked());
    await choose(ana, "Sea");
    const sea = await coloursOfChoice(ana, "Sea");
    await untilInFrontOf(ben, "Ana", sea);
    await ana.page.keyboard.press("Escape");

    // Off and on again: nothing is left running meanwhile.
    await untilDrawers(ana, 1);
    await ana.turnCameraOff();
    await untilDrawers(ana, 0);
    await ana.turnCameraOn();
    await untilInFrontOf(ben, "Ana", sea);
    await untilDrawers(ana, 1);

    await ana.page.reload();
    await ana.joinButton.waitFor();
    await ana.enter();
    await untilInFrontOf(ben, "Ana", sea);
    const { frames, bare } = await stopWatching();
    assert.ok(frames > 20, `${frames} frames are too few to judge`);
    assert.equal(bare, 0, `${bare} of ${frames} frames showed the room`);
  },
);

drawing(
  "a background begins and ends in the meeting, and outlasts another camera",
  async (meeting) => {
    const ben = await meeting.join("Ben", { admin: true });
    const ana = await meeting.join("Ana");
    await openBackgrounds(ana);
    const dusk = await coloursOfChoice(ana, "Dusk");
    await untilAsIs(ben, "Ana", dusk);
    await choose(ana, "Dusk");
    await untilInFrontOf(ben, "Ana", dusk);
    assert.ok(await ana.tool("Turn camera off").count(), "the camera counts as on throughout");

    const cameras = dialog(ana).getByRole("combobox", { name: "Camera" });
    await cameras.selectOption({ label: "fake_device_4" });
    await untilInFrontOf(ben, "Ana", dusk);
    await untilDrawers(ana, 1);

    await choose(ana, "None");
    await untilAsIs(ben, "Ana", dusk);
    await untilDrawers(ana, 0);

    // Before it is shared: a look at oneself that nobody else has.
    await ana.page.keyboard.press("Escape");
    await ana.turnCameraOff();
    await openBackgrounds(ana);
    await choose(ana, "Dusk");
    await untilDrawers(ana, 1);
    await dialog(ana).getByRole("button", { name: "Turn camera on" }).click();
    await untilInFrontOf(ben, "Ana", dusk);
    await untilDrawers(ana, 1);
  },
);

drawing("without streams of frames a canvas does it", async (meeting) => {
  const ben = await meeting.join("Ben", { admin: true });
  const ana = await meeting.open("Ana");
  await ana.page.addInitScript(() => {
    delete window.MediaStreamTrackGenerator;
  });
  await ana.openLink(await meeting.link("Ana"));
  const dusk = await chooseDusk(ana);
  await ana.enter();
  await untilInFrontOf(ben, "Ana", dusk);
});

drawing(
  "a picture of one's own is kept with the meeting, used, and taken away",
  async (meeting) => {
    const ben = await meeting.join("Ben", { admin: true });
    const ana = await meeting.open("Ana");
    await ana.openLink(await meeting.link("Ana"));
    await openChoice(ana);
    await bring(ana, "hall.png", "#c81edc");
    const own = choice(ana, "Own picture: hall.jpg");
    assert.ok(await own.isChecked(), "what was brought is used at once");
    const hall = await coloursOfChoice(ana, "Own picture: hall.jpg");
    const address = await own.locator("xpath=..").locator("img").getAttribute("src");
    await ana.enter();
    await untilInFrontOf(ben, "Ana", hall);

    // Others have nothing of it in their lists.
    await openBackgrounds(ben);
    assert.equal(await ben.page.getByRole("radio", { name: /^Own picture/u }).count(), 0);
    await ben.page.keyboard.press("Escape");

    await openBackgrounds(ana);
    await own.waitFor();
    await ana.button("Remove hall.jpg").click();
    await own.waitFor({ state: "detached" });
    assert.ok(await choice(ana, "Strong blur").isChecked(), "the room does not show in its place");
    await untilAsIs(ben, "Ana", hall);
    meeting.allowedProblems.push(/404/u);
    assert.equal(await ana.page.evaluate(async (url) => (await fetch(url)).status, address), 404);

    // What is no picture is refused here already.
    await ana.page.getByTestId("background-files").setInputFiles({
      name: "notes.png",
      mimeType: "image/png",
      buffer: Buffer.from("no picture at all"),
    });
    await ana.shows("notes.png is no picture that this browser can read.").waitFor();
  },
);

drawing("a meeting without backgrounds shows nothing of them", async (meeting) => {
  await meeting.server.createRoom("plain", { features: { allow_virtual_bg: false } });
  const ana = await meeting.open("Ana");
  await ana.openLink(await meeting.link("Ana", { room: "meeting" }));
  await openChoice(ana);
  await choose(ana, "Blur");
  await ana.openLink(await meeting.link("Ana", { room: "plain", admin: true }));
  await ana.shows("This meeting shows cameras as they are.", { exact: false }).waitFor();
  assert.equal(await ana.button("Background").count(), 0);
  await ana.enter();
  await ana.button("Choose camera").click();
  await ana.page.getByRole("menuitemradio").first().waitFor();
  assert.equal(await ana.page.getByRole("menuitem", { name: "Background…" }).count(), 0);
  assert.equal(drawers(ana).length, 0);
});

drawing("when drawing stops, the camera goes off instead of showing the room", async (meeting) => {
  meeting.allowedProblems.push(/net::ERR_FAILED|NetworkError|importScripts/u);
  const ben = await meeting.join("Ben", { admin: true });
  const ana = await meeting.open("Ana");
  await ana.openLink(await meeting.link("Ana"));
  const dusk = await chooseDusk(ana);
  const stopWatching = await watchForTheRoom(ben, "Ana");
  await ana.enter();
  await untilInFrontOf(ben, "Ana", dusk);

  await untilDrawers(ana, 1);
  await drawers(ana)[0].evaluate(() => {
    globalThis.OffscreenCanvasRenderingContext2D.prototype.drawImage = () => {
      throw new Error("the graphics are gone");
    };
  });
  const said = ana.page.getByText("so your camera was turned off", { exact: false }).first();
  await said.waitFor({ timeout: 30_000 });
  await ana.tool("Turn camera on").waitFor();
  await ben.tile("Ana").locator("video").waitFor({ state: "detached" });
  await untilDrawers(ana, 0);

  // What draws cannot even be fetched: the camera does not open.
  await ana.context.route(/selfie_segmentation/u, (route) => route.abort());
  await ana.tool("Turn camera on").click();
  await ana.page
    .getByText("so your camera was turned off", { exact: false })
    .first()
    .waitFor({ timeout: 30_000 });
  await ana.tool("Turn camera on").waitFor();
  assert.equal(await ben.tile("Ana").locator("video").count(), 0);

  await ana.context.unroute(/selfie_segmentation/u);
  await ana.tool("Turn camera on").click();
  await untilInFrontOf(ben, "Ana", dusk);
  const { bare } = await stopWatching();
  assert.equal(bare, 0, `${bare} frames showed the room`);
});

drawing("a browser that cannot draw says so and goes on without", async (meeting) => {
  const ana = await meeting.open("Ana");
  await ana.page.addInitScript(() => {
    WebAssembly.validate = () => false;
  });
  await ana.openLink(await meeting.link("Ana", { admin: true }));
  await ana.shows("This browser cannot change what is behind you.").waitFor();
  assert.equal(await ana.button("Background").count(), 0);
  await ana.enter();
  await ana.button("Choose camera").click();
  await ana.shows("This browser cannot change what is behind you.").waitFor();
});

drawing(
  "a background outlasts a lost connection",
  async (meeting) => {
    meeting.allowedProblems.push(/WebSocket connection to|net::ERR_/u);
    const cutter = await meeting.withCutter();
    const media = await meeting.withMediaCutter();
    const ben = await meeting.join("Ben", { admin: true });
    const ana = await meeting.open("Ana");
    await ana.openLink(await meeting.link("Ana"));
    const dusk = await chooseDusk(ana);
    await ana.enter();
    await untilInFrontOf(ben, "Ana", dusk);
    const stopWatching = await watchForTheRoom(ben, "Ana");
    cutter.cut();
    media.cut();
    await ana.reconnecting().waitFor();
    cutter.mend();
    media.mend();
    await untilSeeing(ben.page, 1, { timeout: 60_000 });
    await untilInFrontOf(ben, "Ana", dusk, { timeout: 60_000 });
    const { bare } = await stopWatching();
    assert.equal(bare, 0, `${bare} frames showed the room`);
  },
  { config: MEDIA_BEHIND_RELAY },
);

drawing(
  "the choice is within reach of the keyboard, of screen readers and of phones",
  async (meeting) => {
    const looks = new Looks();
    const ana = await meeting.open("Ana");
    await ana.openLink(await meeting.link("Ana", { admin: true }));
    await ana.tabTo("Background");
    await ana.page.keyboard.press("Enter");
    await choice(ana, "None").waitFor();
    await ana.tabTo("None");
    for (let presses = 0; presses < 3; presses += 1) await ana.page.keyboard.press("ArrowRight");
    assert.ok(await choice(ana, "Daylight").isChecked());
    await bring(ana, "hall.png", "#c81edc");
    await ana.page.locator("figure video").waitFor();
    await looks.at("backgrounds-green-room", ana, ["light", "dark", "phone", "narrow"]);

    await ana.enter();
    await openBackgrounds(ana);
    await dialog(ana).locator("video").waitFor();
    await looks.at("backgrounds-dialog", ana, ["light", "dark", "phone", "narrow", "zoomed"]);
    await ana.page.keyboard.press("Escape");
    await dialog(ana).waitFor({ state: "hidden" });
    await ana.turnCameraOff();
    await openBackgrounds(ana);
    await dialog(ana).locator("video").waitFor();
    await looks.at("backgrounds-dialog-before", ana, ["light", "dark", "phone"]);
    await ana.page.keyboard.press("Escape");

    const leila = await meeting.open("Leila", { locale: "ar" });
    await leila.openLink(await meeting.link("Leila"));
    await leila.page.getByRole("button", { name: "الخلفية", exact: true }).click();
    await leila.page.getByRole("radio", { name: "غسق" }).check();
    await leila.page.locator("figure video").waitFor();
    await looks.at("backgrounds-arabic", leila, ["light", "phone"]);
    looks.done();
  },
);
