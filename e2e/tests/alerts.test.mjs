// What is heard, what the system tells, what a thin line is spared, and how loud it is: each as somebody chose it.
import assert from "node:assert/strict";

import { untilSeeing } from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

const UNLOCKED = { metadata: { default_lock_settings: { lock_screen_sharing: false } } };

/** Runs in the page before its own code: every tone, notice of the system and question to the browser is counted. */
function rememberAlerts() {
  window.tones = [];
  window.told = [];
  window.asked = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) {
    window.tones.push(Math.round(this.frequency.value));
    return start.apply(this, when);
  };
  let permission = "default";
  window.Notification = class extends EventTarget {
    static get permission() {
      return permission;
    }
    static async requestPermission() {
      window.asked += 1;
      permission = window.answer ?? "granted";
      return permission;
    }
    constructor(title, { body }) {
      super();
      window.told.push(`${title}: ${body}`);
    }
    close() {}
  };
  let hidden = false;
  Object.defineProperty(document, "hidden", { get: () => hidden });
  window.look = (there) => {
    hidden = !there;
    document.dispatchEvent(new Event("visibilitychange"));
  };
}

async function listening(meeting, name, how) {
  const person = await meeting.open(name);
  await person.page.addInitScript(rememberAlerts);
  await person.openLink(await meeting.link(name, how));
  await person.enter({ devices: false });
  return person;
}

const tones = ({ page }) => page.evaluate(() => window.tones);

scenario("hands, words and comers are heard, each as long as one wants to", async (meeting) => {
  const ana = await listening(meeting, "Ana", { admin: true });
  const ben = await meeting.join("Ben", { devices: false });
  await ben.raiseHand();
  await until("a hand to be heard", async () => (await tones(ana)).includes(784));
  await ben.write("Are you there?");
  await until("a message to be heard", async () => (await tones(ana)).includes(1047));
  assert.ok(!(await tones(ana)).includes(392), "people who come are not heard unless wished for");

  await ana.page.keyboard.press(",");
  const dialog = ana.page.getByRole("dialog", { name: "Settings" });
  await dialog.getByLabel("People who join").check();
  await dialog.getByLabel("Chat messages I do not see").uncheck();
  await ana.closeDialog();
  await ana.page.evaluate(() => (window.tones = []));
  await ben.write("Hello?");
  await meeting.join("Cleo", { devices: false });
  await until("somebody who comes to be heard", async () => (await tones(ana)).includes(392));
  assert.ok(!(await tones(ana)).includes(1047));
});

scenario(
  "the system is asked for once there was something to miss, and not before",
  async (meeting) => {
    await meeting.server.createRoom("meeting", { title: "Design review" });
    const ana = await listening(meeting, "Ana", { admin: true });
    const ben = await meeting.join("Ben", { devices: false });
    const asked = () => ana.page.evaluate(() => window.asked);
    const look = (there) => ana.page.evaluate((is) => window.look(is), there);

    await look(false);
    await ben.write("Are you there?");
    await until("the message to be heard", async () => (await tones(ana)).includes(1047));
    assert.equal(await asked(), 0);
    await look(true);
    await ana.page
      .getByText("Something happened while you looked elsewhere.", { exact: false })
      .first()
      .waitFor();
    assert.equal(await asked(), 0);
    await ana.button("Turn on").click();
    await until("the browser to be asked", async () => (await asked()) === 1);
    await look(false);
    await ben.write("And now?");
    await until("the system to tell", async () =>
      (await ana.page.evaluate(() => window.told)).includes("Design review: Ben: And now?"),
    );
  },
);

scenario("a browser that blocks notices says where to change that", async (meeting) => {
  const ana = await listening(meeting, "Ana", { admin: true });
  await ana.page.evaluate(() => (window.answer = "denied"));
  await ana.page.keyboard.press(",");
  const dialog = ana.page.getByRole("dialog", { name: "Settings" });
  const choice = dialog.getByLabel("Also tell me while this page is out of sight");
  await choice.click();

  await dialog
    .getByText("Click the icon at the start of the address bar", { exact: false })
    .waitFor();
  assert.equal(await choice.isChecked(), false);
});

scenario(
  "a thin line is spared what one does without, and all of it comes back",
  async (meeting) => {
    await meeting.server.createRoom("meeting", UNLOCKED);
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    const ben = await meeting.join("Ben");
    await untilSeeing(ana.page, 1);
    const dialog = ana.page.getByRole("dialog", { name: "Settings" });
    await ana.page.keyboard.press(",");
    await dialog.getByLabel("Show cameras of others").uncheck();
    await dialog.getByLabel("Show shared screens").uncheck();
    await dialog.getByLabel("Volume of the meeting").fill("40");
    await ana.closeDialog();

    await until(
      "no camera to be drawn",
      async () => (await ana.tile("Ben").locator("video").count()) === 0,
    );
    // His voice comes before what he shares.
    const voice = ana.page.locator("audio[data-participant=ben]").first();
    const loud = () => voice.evaluate(({ volume }) => volume);
    await until("Ben to be heard softly", async () => (await loud()) === 0.4);
    await ben.shareScreen();
    await ana.page
      .getByText("Ben shares a screen. You have switched shared screens off.")
      .first()
      .waitFor();
    assert.equal(await ana.sharedScreenOf("Ben").count(), 0);
    await ana.page.locator(".notice-action", { hasText: "Show" }).click();
    await ana.sharedScreenOf("Ben").waitFor();

    await ana.page.reload();
    await ana.enter({ devices: false });
    await until("what was chosen to be kept", async () => (await loud()) === 0.4);
    await ana.page.keyboard.press(",");
    await dialog.getByLabel("Show cameras of others").check();
    await ana.closeDialog();
    await ana.tile("Ben").locator("video[data-playing=true]").waitFor();
  },
);

scenario("what a shared screen plays is heard with it", async (meeting) => {
  await meeting.server.createRoom("meeting", UNLOCKED);
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { devices: false });
  const sounds = () => ana.page.locator("audio[data-participant=ben]").count();
  await ben.shareScreen();
  await ana.sharedScreenOf("Ben").waitFor();
  await until("its sound to be there", async () => (await sounds()) === 1);
  await ben.stopSharing();
  await until("its sound to be gone", async () => (await sounds()) === 0);
});

scenario("the figures of the line are copied, whatever they are", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  await meeting.join("Ben");
  await untilSeeing(ana.page, 1);
  await ana.page.getByRole("button", { name: /^Connected/u }).click();
  await ana.shows("Receiving").waitFor();
  await ana.button("Copy these figures").click();
  const copied = JSON.parse(await ana.page.evaluate(() => navigator.clipboard.readText()));
  assert.ok(copied.bitsIn > 0, JSON.stringify(copied));
});
