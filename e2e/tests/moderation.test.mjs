// What hosts do to a meeting and to the people in it, with the real server deciding: locks, the waiting room, removing,
// the spotlight, quiet, reactions, a shown page. Several browsers, one of them a phone.
import assert from "node:assert/strict";

import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";
import { untilHearing } from "../lib/media.mjs";

const PHONE = { width: 390, height: 844 };
const UNLOCKED = { metadata: { default_lock_settings: { lock_screen_sharing: false } } };

const LOCKS = [
  "Microphone",
  "Camera",
  "Screen sharing",
  "Chat",
  "Sending messages",
  "Sharing files",
  "Private messages",
  "Whiteboard",
  "Shared notes",
  "Reactions",
];

scenario(
  "every lock follows for everyone and for one person, and says whose it is",
  async (meeting) => {
    await meeting.server.createRoom("meeting", UNLOCKED);
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    const ben = await meeting.join("Ben", { devices: false });
    await ana.sees("Ben");

    const mine = ben.page.getByRole("dialog", { name: "What you may do" });
    await ben.page.keyboard.press("l");
    await mine.waitFor();
    await ana.page.keyboard.press("l");
    for (const what of LOCKS) {
      const wanted = !(await ana.isLocked(what));
      await ana.setLock(what, wanted);
      await ben.readsLock(mine, what, wanted ? "Locked" : "Allowed");
    }
    await ana.setLock("Camera", true);
    await ana.closeDialog();

    await ana.showActionsFor("Ben");
    await ana.button("Lock settings").click();
    await ana.setLock("Camera", false);
    await ben.readsLock(mine, "Camera", "A host has unlocked this for you");
    await ana.setLock("Chat", true);
    await ana.closeDialog();
    await ana.page.keyboard.press("l");
    await ana.shows("Except Ben: allowed").waitFor();
  },
);

scenario(
  "a locked microphone says who locked it and what to do, and goes on by itself",
  async (meeting) => {
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    const ben = await meeting.join("Ben");
    await untilHearing(ana.page, 1);

    await ana.page.keyboard.press("l");
    await ana.setLock("Microphone", true);

    await ben.tool("Unmute").waitFor();
    const why = ben.shows("The host has locked microphones. Raise your hand to ask.");
    await why.first().waitFor();
    // A refused button still answers: it says why.
    await ben.tool("Unmute").press("Enter");
    await ben.tool("Unmute").waitFor();
    await ana.setLock("Microphone", false);
    await ben.page.getByText("A host has unlocked your microphone.").first().waitFor();
    await ben.unmute();
  },
);

scenario("a host mutes, stops and asks; nobody is opened up by somebody else", async (meeting) => {
  await meeting.server.createRoom("meeting", UNLOCKED);
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { viewport: PHONE });
  await untilHearing(ana.page, 1);

  await ana.does("Ben", "Mute");
  await ben.tool("Unmute").waitFor();
  await ben.page.getByText("Ana has muted you.").first().waitFor();
  await ana.does("Ben", "Stop camera");
  await ben.tool("Turn camera on").waitFor();
  await ana.person("Ben", "muted").waitFor();
  await ana.does("Ben", "Ask to unmute");
  await ben.page.getByText("Ana asks you to unmute.").first().waitFor();
  assert.equal(await ben.tool("Unmute").count(), 1);
  await ben.button("Unmute").click();
  await ben.tool("Mute").waitFor();
  await untilHearing(ana.page, 1);
});

scenario("who waits is let in, turned away, or blocked and let back", async (meeting) => {
  await meeting.server.createRoom("meeting", {
    features: { waiting_room_features: { is_active: true, waiting_room_msg: "One moment." } },
  });
  meeting.allowedProblems.push(/401/, /403/);
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const waiting = [];
  for (const name of ["Ben", "Cleo", "Dan"]) {
    const person = await meeting.open(name, name === "Cleo" ? { viewport: PHONE } : {});
    await person.openLink(await meeting.link(name));
    await person.joinButton.click();
    await person.shows("One moment.").waitFor();
    waiting.push(person);
  }
  const [ben, cleo, dan] = waiting;
  await ana.tool("Host.*3 people are waiting").click();
  await ana.page.getByRole("menuitem", { name: "Waiting room (3)" }).click();
  const list = ana.page.getByRole("list", { name: "People waiting, first come first" });
  const names = await list.locator(".person-name").allTextContents();
  assert.deepEqual(names, ["Ben", "Cleo", "Dan"]);

  await ana.page.getByRole("textbox", { name: "What is read while waiting" }).fill("At ten.");
  await cleo.shows("At ten.").waitFor();
  await ana.button("Let Cleo in").click();
  await cleo.tool("Leave").waitFor();
  await ana.button("Turn Ben away").click();
  await ben.ended(/not let in/i);
  await ana.button("Turn Dan away and block").click();
  await dan.ended(/not let in/i);
  await ana.shows("Nobody is waiting.").waitFor();

  await ana.tool("Host").click();
  await ana.page.getByRole("menuitem", { name: "Blocked people" }).click();
  await ana.button("Unblock Dan").click();
  await ana.shows("Nobody is blocked.").waitFor();
  await ana.closeDialog();
});

scenario("somebody is removed after one question and told so", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { devices: false });

  await ana.does("Ben", "Remove from the meeting");
  await ana.page.getByRole("dialog", { name: "Remove Ben?" }).waitFor();
  await ana.button("Remove").click();

  await ben.ended(/removed/i);
  await ana.seesNoLonger("Ben");
});

scenario("the spotlight and the presenter are the same for everybody", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { devices: false });
  const cleo = await meeting.join("Cleo", { devices: false });
  await cleo.tile("Ben").waitFor();
  const width = async (name) => (await cleo.tile(name).boundingBox()).width;

  await ana.does("Ben", "Show large to everyone");
  await until("Ben to be large", async () => (await width("Ben")) > 2 * (await width("Ana")));
  await ana.tool("Host").click();
  await ana.page.getByRole("menuitem", { name: "End the spotlight" }).click();
  await until("all to be alike", async () => (await width("Ben")) === (await width("Ana")));

  await ana.does("Ben", "Make presenter");
  await ben.page.getByText("You are the presenter now.").first().waitFor();
  await ana.person("Ben", "Presenter").waitFor();
});

scenario(
  "two screens at once: the presenter's first, the other one press away",
  async (meeting) => {
    await meeting.server.createRoom("meeting", UNLOCKED);
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    const ben = await meeting.join("Ben", { devices: false });
    const cleo = await meeting.join("Cleo", { devices: false });
    await ana.does("Cleo", "Make presenter");
    await ben.shareScreen();
    await ana.sharedScreenOf("Ben").waitFor();
    await cleo.shareScreen();

    await ana.sharedScreenOf("Cleo").waitFor();
    await ana.button("Screen of Ben").click();
    await ana.sharedScreenOf("Ben").waitFor();
    await ana.does("Ben", "Stop their screen sharing");
    await ben.tool("Share screen").waitFor();
    await ana.sharedScreenOf("Cleo").waitFor();
  },
);

scenario("everything goes quiet with one press, and back with another", async (meeting) => {
  await meeting.server.createRoom("meeting", UNLOCKED);
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben");
  await untilHearing(ana.page, 1);
  await ben.shareScreen();

  await ana.tool("Host").click();
  await ana.page.getByRole("menuitem", { name: "Quiet everything now" }).click();
  await ben.page.getByText("The meeting is paused.").first().waitFor();
  await ben.tool("Unmute").waitFor();
  await ben.tool("Share screen").waitFor();
  await ben.tool("Chat").click();
  await ben.shows("The host has locked the chat.").waitFor();

  await ana.button("Put back as it was").click();
  await ben.page.locator(".rest-banner").waitFor({ state: "detached" });
  await ben.page.getByRole("textbox", { name: "Message" }).waitFor();
  await ben.unmute();
});

scenario("hands queue in order for everybody and are lowered at once", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { devices: false });
  const cleo = await meeting.join("Cleo", { devices: false });
  await cleo.raiseHand();
  await ana.seesHandOf("Cleo", { raised: true });
  await ben.raiseHand();
  await ana.seesHandOf("Ben", { raised: true });

  const queue = (person) => person.page.locator(".hands li").allTextContents();
  assert.deepEqual(await queue(ana), ["Cleo", "Ben"]);
  await until("Ben to see the same", async () => (await queue(ben)).join() === "Cleo,Ben");
  await ana.tool("Host").click();
  await ana.page.getByRole("menuitem", { name: "Lower all hands (2)" }).click();
  await ben.tool("Raise hand").waitFor();
  await cleo.tool("Raise hand").waitFor();
});

scenario(
  "a reaction floats over everybody's stage, and is refused where it is locked",
  async (meeting) => {
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    const ben = await meeting.join("Ben", { devices: false });
    await ana.sees("Ben");

    await ben.tool("React").click();
    await ben.button("Heart").click();
    await ana.page.getByRole("list", { name: "React" }).getByText("Ben").waitFor();
    await ben.page.keyboard.press("Escape");
    await ana.page.keyboard.press("l");
    await ana.setLock("Reactions", true);
    await ben.page.locator(".tool[aria-label=React][aria-disabled=true]").press("Enter");
    await ben.page.getByText("The host has locked reactions for everyone.").first().waitFor();
  },
);

scenario(
  "a shown page is loaded by nobody who did not agree, and taken away for all",
  async (meeting) => {
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    const ben = await meeting.join("Ben", { devices: false });
    await ben.context.route("https://page.example/**", (route) =>
      route.fulfill({ contentType: "text/html", body: "<h1>A page</h1>" }),
    );

    await ana.tool("Host").click();
    await ana.page.getByRole("menuitem", { name: "Show a web page…" }).click();
    const address = ana.page.getByRole("textbox", { name: "Address" });
    await address.fill("http://page.example");
    await ana.page.getByRole("dialog").getByRole("button", { name: "Show", exact: true }).click();
    await ana.page
      .getByRole("alert")
      .getByText(/must begin with https/u)
      .waitFor();
    await address.fill("page.example/start");
    await ana.page.getByRole("dialog").getByRole("button", { name: "Show", exact: true }).click();

    await ben.shows("Ana shows a page from page.example").waitFor();
    assert.deepEqual(ben.strayed, []);
    await ben.button("Load the page").click();
    const frame = ben.page.locator("iframe");
    await frame.contentFrame().getByRole("heading", { name: "A page" }).waitFor();
    assert.match(await frame.getAttribute("sandbox"), /allow-scripts/u);
    // It was asked for: that, and nothing else, left the origin.
    assert.deepEqual(ben.strayed.splice(0), ["https://page.example/start"]);
    await ana.button("Stop showing it").first().click();
    await frame.waitFor({ state: "detached" });
  },
);

scenario("attendees who may not see each other see hosts and themselves", async (meeting) => {
  await meeting.server.createRoom("meeting", { features: { allow_view_other_users_list: false } });
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { devices: false });
  await meeting.join("Cleo", { devices: false });

  await ana.sees("Cleo");
  await ben.sees("Ana");
  await ben.shows("In this meeting you see only hosts and yourself.").waitFor();
  assert.equal(await ben.person("Cleo").count(), 0);
  assert.equal(await ben.tile("Cleo").count(), 0);
});

scenario("a host needs nothing but the keyboard", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { devices: false });
  const { keyboard } = ana.page;
  await ben.raiseHand();
  await ana.sees("Ben");

  await ana.tabTo("Actions for Ben");
  await keyboard.press("Enter");
  await ana.page.getByRole("slider", { name: "Volume of Ben" }).waitFor();
  await ana.tabTo("Lower hand");
  await keyboard.press("Enter");
  await ben.tool("Raise hand").waitFor();
  await keyboard.press("l");
  await ana.page.getByRole("dialog").waitFor();
  await ana.tabTo("Lock: Chat");
  await keyboard.press("Space");
  await until("the chat to be locked", () => ana.isLocked("Chat"));
  await keyboard.press("Escape");
  await ana.page.getByRole("dialog").waitFor({ state: "hidden" });
  await ana.tabTo("Host");
  await keyboard.press("Enter");
  await ana.page.getByRole("menuitem", { name: "Waiting room" }).waitFor();
  await keyboard.press("Enter");
  await ana.page.getByRole("complementary", { name: "Waiting room" }).waitFor();
  await ana.tabTo("Newcomers wait until a host lets them in");
  await keyboard.press("Space");
  await ana.page.getByRole("switch", { checked: true }).waitFor();
});

scenario("the list of notices is still there after a reload", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { devices: false });
  await ben.raiseHand();
  await ana.page.getByText("Ben raised a hand").first().waitFor();

  await ana.page.reload();
  await ana.joinButton.waitFor();
  await ana.enter({ devices: false });
  await ana.page.getByRole("button", { name: /^Notifications/ }).click();
  await ana.page
    .getByRole("region", { name: "Notifications" })
    .getByText("Ben raised a hand")
    .waitFor();
});
