// Four people, each in another role, whose pages are loaded anew and whose lines break: everything is as it was.
import assert from "node:assert/strict";

import { untilHearing, untilSeeing } from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

const PHONE = { width: 390, height: 844 };
const BACK_MS = 60_000;
const NETWORK_NOISE = [
  /WebSocket connection to .* failed/,
  /ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INTERNET_DISCONNECTED|NETWORK_CHANGED|SOCKET_NOT_CONNECTED)/,
];
const WAITING = {
  waiting_room_features: { is_active: true, waiting_room_msg: "One moment." },
};

/** A host, an attendee, somebody on a phone, and two who wait. */
async function cast(meeting) {
  await meeting.server.createRoom("meeting", { features: WAITING });
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const knock = async (name, options) => {
    const person = await meeting.open(name, options);
    await person.openLink(await meeting.link(name));
    await person.joinButton.click();
    await waitingCard(person).waitFor();
    return person;
  };
  const ben = await knock("Ben");
  await ana.tool("Host.*waiting").click();
  await ana.page.getByRole("menuitem", { name: /^Waiting room/ }).click();
  await ana.button("Let Ben in").click();
  await ben.tool("Leave").waitFor();
  const pia = await knock("Pia", { viewport: PHONE });
  await ana.button("Let Pia in").click();
  await pia.tool("Leave").waitFor();
  const wes = await knock("Wes");
  const xia = await knock("Xia");
  return { ana, ben, pia, wes, xia };
}

/** What is read while waiting; it is also said aloud. */
const waitingCard = ({ page }) => page.locator("#startupJoinModal").getByText("One moment.");

const waiting = (ana) =>
  ana.page
    .getByRole("list", { name: "People waiting, first come first" })
    .locator(".person-name")
    .allTextContents();

const hands = (person) => person.page.locator(".hands li").allTextContents();

async function untilWaiting(ana, names) {
  await until(`${names} to wait in this order`, async () => {
    const there = (await waiting(ana)).join();
    if (there === names) return true;
    throw new Error(there);
  });
}

async function untilHands(person, names) {
  await until(`${person.name} to see the hands of ${names}`, async () => {
    const there = (await hands(person)).join();
    if (there === names) return true;
    throw new Error(there);
  });
}

/** The locks that Ben and Pia live with, as each of them reads them. */
async function checkLocks({ ben, pia }) {
  for (const [person, files] of [
    [ben, "A host has unlocked this for you"],
    [pia, "Locked"],
  ]) {
    await person.page.keyboard.press("l");
    const sheet = person.page.getByRole("dialog", { name: "What you may do" });
    await sheet.waitFor();
    await person.readsLock(sheet, "Sharing files", files);
    await person.readsLock(sheet, "Reactions", "Locked");
    await person.closeDialog();
  }
}

/** Everything that must be as it was, seen by those whom it concerns. */
async function check(all) {
  const { ana, ben, pia, wes, xia } = all;
  await untilWaiting(ana, "Wes,Xia");
  await untilHands(ana, "Ben,Pia");
  await untilHands(ben, "Ben,Pia");
  await untilHands(pia, "Ben,Pia");
  await ben.tool("Lower hand").waitFor();
  await ben.tool("Unmute").waitFor();
  // Muted with the others, to stay so until a host asks.
  assert.equal(await ben.tool("Unmute").getAttribute("aria-disabled"), "true");
  await ben.showPeople();
  await ben.person("Ben", "Presenter").waitFor();
  await ben.person("Ana", "Host").waitFor();
  await ana.tool("Host.*2 people are waiting").waitFor();
  await checkLocks(all);
  for (const person of [wes, xia]) {
    await waitingCard(person).waitFor();
    assert.equal(await person.tool("Leave").count(), 0, `${person.name} still waits`);
  }
  assert.equal(await ben.tool("Host.*").count(), 0, "an attendee is no host");
}

async function prepare({ ana, ben, pia }) {
  await ana.page.keyboard.press("l");
  await ana.setLock("Sharing files", true);
  await ana.setLock("Reactions", true);
  await ana.closeDialog();
  await ana.showActionsFor("Ben");
  await ana.button("Lock settings").click();
  await ana.setLock("Sharing files", false);
  await ana.closeDialog();
  await ana.does("Ben", "Make presenter");
  await ana.tool("Host.*").click();
  await ana.page.getByRole("menuitem", { name: "Mute everyone…" }).click();
  await ana.page.getByLabel("People may unmute themselves").uncheck();
  await ana.page
    .getByRole("dialog")
    .getByRole("button", { name: "Mute everyone", exact: true })
    .click();
  await ben.tool("Unmute").waitFor();
  await ben.raiseHand();
  await untilHands(ana, "Ben");
  await pia.button("More").click();
  await pia.page.getByRole("menuitem", { name: "Raise hand" }).click();
  await ana.tool("Host.*").click();
  await ana.page.getByRole("menuitem", { name: /^Waiting room/ }).click();
}

scenario(
  "whoever is asked whether to leave, and stays, is cut off from nothing",
  async (meeting) => {
    const ana = await meeting.join("Ana", { admin: true });
    const ben = await meeting.join("Ben");
    await ana.shareScreen();
    await ben.sharedScreenOf("Ana").waitFor();
    const picture = ben.sharedScreenOf("Ana").locator("video");
    await picture.evaluate((element) => (element.dataset.known = "yes"));

    const asked = ana.page.waitForEvent("dialog");
    await ana.page.close({ runBeforeUnload: true });
    await (await asked).dismiss();

    await ana.raiseHand();
    await ben.seesHandOf("Ana", { raised: true });
    await ana.tool("Stop sharing").waitFor();
    await ana.mute();
    assert.equal(await picture.getAttribute("data-known"), "yes");
    assert.equal(await ana.page.locator(".connection").getAttribute("data-state"), "good");
  },
);

scenario(
  "whoever loads the page anew is who they were, with all that was decided",
  async (meeting) => {
    const all = await cast(meeting);
    const { ana, ben, pia, wes } = all;
    await prepare(all);
    await check(all);

    for (const person of [ben, pia]) {
      await person.page.reload();
      await person.enter({ devices: false });
      await check(all);
    }
    await wes.page.reload();
    await wes.joinButton.click();
    await check(all);
    await ana.page.reload();
    await ana.enter({ devices: false });
    await ana.tool("Host.*").click();
    await ana.page.getByRole("menuitem", { name: /^Waiting room/ }).click();
    await check(all);
    await ana.page.keyboard.press("l");
    await ana.shows("Except Ben: allowed").waitFor();
    await ana.closeDialog();
  },
);

scenario(
  "whoever was muted is muted after a reload, and seen if they were seen",
  async (meeting) => {
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    const ben = await meeting.join("Ben");
    const pia = await meeting.join("Pia", { viewport: PHONE });
    await untilHearing(ana.page, 2);
    await ben.mute();
    await pia.turnCameraOff();
    await untilHearing(ana.page, 1);

    for (const person of [ben, pia]) {
      await person.page.reload();
      await person.joinButton.waitFor();
      await person.enter();
    }
    await ben.tool("Unmute").waitFor();
    await ben.tool("Turn camera off").waitFor();
    await pia.tool("Mute").waitFor();
    await pia.tool("Turn camera on").waitFor();
    await untilSeeing(ana.page, 1);
    await untilHearing(ana.page, 1);
    await ben.unmute();
    await untilHearing(ana.page, 2);
  },
);

scenario("whose line breaks is back in their place, and so are those who wait", async (meeting) => {
  meeting.allowedProblems.push(...NETWORK_NOISE);
  const cutter = await meeting.withCutter();
  const all = await cast(meeting);
  await prepare(all);
  await check(all);

  const before = cutter.connections;
  cutter.flap();
  await until("everybody to be connected again", () => cutter.connections >= before, {
    timeout: BACK_MS,
  });
  await check(all);
  await all.ana.button("Let Wes in").click();
  await all.wes.tool("Leave").waitFor();
  await untilWaiting(all.ana, "Xia");
});

scenario(
  "two hosts quiet everything at once, and one of them puts all of it back",
  async (meeting) => {
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    const dora = await meeting.join("Dora", { admin: true, devices: false });
    const ben = await meeting.join("Ben");
    await ana.sees("Ben");
    await ben.tool("Mute").waitFor();

    for (const host of [ana, dora]) await host.tool("Host").click();
    const quiet = ({ page }) =>
      page.getByRole("menuitem", { name: "Quiet everything now" }).click();
    await Promise.all([quiet(ana), quiet(dora)]);
    await ben.page.getByText("The meeting is paused.").first().waitFor();
    await ben.tool("Unmute").waitFor();
    for (const host of [ana, dora]) await host.button("Put back as it was").waitFor();
    await ben.tool("Chat").click();
    await ben.shows("The host has locked the chat.").waitFor();

    await dora.button("Put back as it was").click();
    for (const person of [ana, dora, ben]) {
      await person.page.locator(".rest-banner").waitFor({ state: "detached" });
    }
    await ben.page.getByRole("textbox", { name: "Message" }).waitFor();
    await ben.write("As it was");
    await ana.reads("As it was");
    await ben.unmute();
    // What the second press found was the quiet of the first one; that is not what comes back.
    const cleo = await meeting.join("Cleo", { devices: false });
    await cleo.reads("As it was");
  },
);
