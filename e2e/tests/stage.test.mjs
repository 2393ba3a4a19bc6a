// The stage and the sheets under a real finger and a real mouse.
import assert from "node:assert/strict";

import { humInsteadOfBeeping, untilFetchingExactly, untilSeeing } from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

const PHONE = { viewport: { width: 390, height: 844 } };

/** Presses in the middle of something, goes that far and lets go. */
async function drag(page, target, { x = 0, y = 0 }) {
  const box = await target.boundingBox();
  const from = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x + x, from.y + y, { steps: 5 });
  await page.mouse.up();
}

scenario("a picture goes on when it is pinned, shares the stage or floats", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  const ben = await meeting.join("Ben", { admin: true });
  await untilSeeing(ana.page, 1);
  const video = ana.tile("Ben").locator("video");
  await video.evaluate((element) => (element.dataset.known = "yes"));

  await meeting.join("Cleo");
  await ana.tile("Cleo").waitFor();
  await ana.showActionsFor("Ben");
  await ana.button("Pin Ben").last().click();
  await ana.button("Unpin Ben").first().waitFor();
  await ben.shareScreen();
  await ana.sharedScreenOf("Ben").waitFor();

  assert.equal(await video.evaluate((element) => element.dataset.known), "yes");
});

scenario("my picture is dragged into another corner and stays there", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  await meeting.join("Ben");
  const mine = ana.page.locator("figure[data-floating=true]");
  await mine.waitFor();
  const before = await mine.boundingBox();

  await drag(ana.page, mine, { x: -700, y: -400 });

  await until("my picture to be in the other corner", async () => {
    const { x, y } = await mine.boundingBox();
    return x < before.x - 700 && y < before.y - 300;
  });
});

scenario("a sheet on a phone leaves the bar in reach and is pulled down", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, ...PHONE });
  await ana.showChat();
  const sheet = ana.page.getByRole("complementary", { name: "Chat" });

  await ana.mute();
  await ana.unmute();
  assert.ok(await sheet.isVisible());
  const rest = await atRest(sheet);
  await drag(ana.page, sheet.getByRole("heading"), { y: 40 });
  await until("a short pull to spring back", async () => (await atRest(sheet)) === rest);
  await drag(ana.page, sheet.getByRole("heading"), { y: 200 });
  await sheet.waitFor({ state: "hidden" });
});

scenario("a soft keyboard closes nothing, and what is typed stays in sight", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, ...PHONE });
  await ana.showChat();
  const box = ana.page.getByRole("textbox", { name: "Message", exact: true });
  await box.fill("Half a sentence");

  // What a keyboard leaves of a phone's page.
  await ana.page.setViewportSize({ width: 390, height: 420 });
  await ana.page.getByRole("complementary", { name: "Chat" }).waitFor();
  const { y, height } = await box.boundingBox();
  assert.ok(y >= 0 && y + height <= 420, `the box is at ${y}`);
  assert.equal(await box.inputValue(), "Half a sentence");
});

scenario("a tap shows what can be done with a tile, and not before", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, hasTouch: true, isMobile: true, ...PHONE });
  await meeting.join("Ben");
  await meeting.join("Cleo");
  await ana.tile("Cleo").waitFor();
  const pin = ana.tile("Cleo").getByRole("button", { name: "Pin Cleo" });
  const reach = () => pin.evaluate((element) => getComputedStyle(element).pointerEvents);

  assert.equal(await reach(), "none");
  await ana.tile("Cleo").tap();
  await until("the pin to be in reach", async () => (await reach()) !== "none");
  await pin.tap();
  await ana.button("Unpin Cleo").waitFor();
});

scenario("a meeting goes on in a small window over other programs", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  await meeting.join("Ben");
  await untilSeeing(ana.page, 1);
  const opened = ana.context.waitForEvent("page");
  await ana.tool("View").click();
  await ana.page.getByRole("menuitem", { name: "In a small window" }).click();
  const small = await opened;

  await small.getByRole("listitem").getByText("Ben").waitFor();
  await small.locator("video[data-playing=true]").waitFor();
  await small.getByRole("button", { name: "Mute" }).click();
  await ana.tool("Unmute").waitFor();
  await small.getByRole("button", { name: "Raise hand" }).click();
  await ana.tool("Lower hand").waitFor();
  await small.getByRole("button", { name: "Leave" }).click();
  await ana.page.getByRole("dialog").getByRole("button", { name: "Leave meeting" }).click();
  await ana.ended(/you left/i);
});

scenario(
  "whoever is on another page is not fetched, and comes to the first one when they speak",
  async (meeting) => {
    await meeting.server.createRoom("meeting", { features: { mute_on_start: true } });
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    await ana.page.keyboard.press(",");
    await ana.page.getByLabel("People on one page").selectOption("4");
    await ana.closeDialog();
    for (const name of ["Ben", "Cleo", "Dan"]) {
      await meeting.join(name);
      await ana.tile(name).waitFor();
    }
    await untilSeeing(ana.page, 3);
    const eve = await meeting.open("Eve");
    await eve.page.addInitScript(humInsteadOfBeeping);
    await eve.openLink(await meeting.link("Eve"));
    await eve.enter();
    await ana.shows("Page 1 of 2").waitFor();
    assert.equal(await ana.tile("Eve").count(), 0);
    await untilFetchingExactly(ana.page, 3);
    await ana.page.reload();
    await ana.enter({ devices: false });
    await ana.shows("Page 1 of 2").waitFor();
    await untilFetchingExactly(ana.page, 3);

    await ana.button("Next page").click();
    await ana.tile("Eve").waitFor();
    await untilFetchingExactly(ana.page, 1);
    await ana.button("Previous page").click();
    await ana.tile("Dan").waitFor();
    await eve.unmute();
    await ana.tile("Eve").waitFor();
    assert.equal(await ana.tile("Dan").count(), 0, "one who is silent makes room");
    await ana.tile("Ben").waitFor();
    await untilFetchingExactly(ana.page, 3);

    await ana.tile("Ben").hover();
    await ana.button("Show Ben on the full screen").click();
    await until("Ben to fill the screen", () =>
      ana
        .tile("Ben")
        .evaluate(
          ({ dataset }) => document.fullscreenElement !== null && dataset.filled === "true",
        ),
    );
    await ana.tile("Ben").getByRole("button", { name: "Muted, Unmute" }).click();
    await ana.tile("Ben").getByRole("button", { name: "Mic on, Mute" }).waitFor();
    await ana.page.keyboard.press(",");
    const settings = ana.page.getByRole("dialog", { name: "Settings" });
    await settings.getByRole("button", { name: "Close" }).click();
    await settings.waitFor({ state: "hidden" });
    await ana.button("Leave full screen").click();
    await until("Ben to be back in place", () =>
      ana.page.evaluate(() => document.fullscreenElement === null),
    );
  },
);

/** Where something is, once it has stopped moving there. */
async function atRest(element) {
  let before;
  return until("it to stop moving", async () => {
    const { y } = await element.boundingBox();
    const stays = y === before;
    before = y;
    return stays && y;
  });
}
