// The chat with the real server: answers, signs, edits, removal, typing, search, and what a late joiner gets.
import assert from "node:assert/strict";

import { Looks } from "../lib/looks.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

/** Opens what can be done with a line. */
async function menuOf(person, text) {
  const line = person.page.locator(".message").filter({ hasText: text }).first();
  await line.hover();
  await line.getByRole("button", { name: /^Actions for the message/ }).click();
  await person.page.getByRole("menu").waitFor();
}

async function choose(person, text, choice) {
  await menuOf(person, text);
  await person.page.getByRole("menuitem", { name: choice, exact: true }).click();
}

const box = ({ page }) => page.getByRole("textbox", { name: "Message", exact: true });
const log = ({ page }) => page.getByRole("log");

/** Ana has written to Ben alone, who likes it. */
async function between(meeting) {
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { devices: false });
  await ana.write("Just between us", { to: "Ben" });
  await ben.reads("Just between us", { from: "Ana" });

  await choose(ben, "Just between us", "Heart");
  await log(ana)
    .getByRole("button", { name: /^Heart: 1/ })
    .waitFor();
  return { ana, ben };
}

scenario(
  "lines are answered, signed, edited and deleted, also for who comes late",
  async (meeting) => {
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    const ben = await meeting.join("Ben", { devices: false });
    await ana.write("Shall we start at ten?");
    await ben.reads("Shall we start at ten?");

    await choose(ben, "start at ten", "Reply");
    await box(ben).fill("Ten is fine");
    await box(ben).press("Enter");
    await log(ana).getByText("Ten is fine").waitFor();
    await log(ana).locator(".answered").getByText("Shall we start at ten?").waitFor();

    await choose(ana, "Ten is fine", "Thumbs up");
    await log(ben)
      .getByRole("button", { name: /^Thumbs up: 1/ })
      .waitFor();
    await log(ben)
      .getByRole("button", { name: /^Thumbs up: 1/ })
      .click();
    await log(ana)
      .getByRole("button", { name: /^Thumbs up: 2/ })
      .waitFor();

    await choose(ana, "start at ten", "Edit");
    await box(ana).fill("Shall we start at *eleven*?");
    await box(ana).press("Enter");
    await log(ben).getByText("Shall we start at eleven?").first().waitFor();
    await log(ben).getByText("(edited)").waitFor();

    await ben.write("Something rude");
    await ana.reads("Something rude");
    await choose(ana, "Something rude", "Delete");
    await ana.page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
    await log(ben).getByText("This message was deleted.").waitFor();

    const cleo = await meeting.join("Cleo", { devices: false });
    await cleo.showChat();
    await log(cleo).getByText("(edited)").waitFor();
    await log(cleo)
      .getByRole("button", { name: /^Thumbs up: 2/ })
      .waitFor();
    await log(cleo).locator(".answered").getByText("Shall we start at eleven?").waitFor();
    assert.equal(await log(cleo).getByText("Something rude").count(), 0);
  },
);

scenario("an attendee is offered no way to change what others wrote", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { devices: false });
  await ana.write("The host's words");
  await ben.reads("The host's words");

  await menuOf(ben, "The host's words");
  assert.equal(await ben.page.getByRole("menuitem", { name: "Reply" }).count(), 1);
  assert.equal(await ben.page.getByRole("menuitem", { name: "Edit" }).count(), 0);
  assert.equal(await ben.page.getByRole("menuitem", { name: "Delete" }).count(), 0);
});

scenario("private lines are edited and signed between the two", async (meeting) => {
  const { ana, ben } = await between(meeting);
  await choose(ana, "Just between us", "Edit");
  await box(ana).fill("Just between the two of us");
  await box(ana).press("Enter");
  await log(ben).getByText("Just between the two of us").waitFor();
});

scenario(
  "the chat is used with the keyboard, found in by search, and shows who is writing",
  async (meeting) => {
    const looks = new Looks();
    await meeting.server.createRoom("chat", { title: "Design review" });
    const ana = await meeting.join("Ana", { admin: true, room: "chat", devices: false });
    const ben = await meeting.join("Ben", { room: "chat", devices: false });
    await ana.write("Good morning! The agenda: https://example.org/agenda");
    await ben.write("Good morning. I have two questions about the *budget*.");
    await ana.reads("Good morning. I have two questions about the budget.");
    await choose(ana, "two questions", "Reply");
    await looks.at("chat-reply", ana);
    await box(ana).fill("Ask away");
    await box(ana).press("Enter");
    await choose(ben, "Ask away", "Celebration");
    await log(ana)
      .getByRole("button", { name: /^Celebration/ })
      .waitFor();

    await box(ben).pressSequentially("So, the first");
    await ana.shows("Ben is writing…").waitFor();

    // Up in an empty box edits the last own line; Escape leaves it as it is.
    await box(ana).press("ArrowUp");
    await ana.shows("Editing").waitFor();
    assert.equal(await box(ana).inputValue(), "Ask away");
    await box(ana).press("Escape");
    assert.equal(await box(ana).inputValue(), "");

    // From the newest line's menu up to the first by arrow keys.
    await ana.page.locator(".line-more").last().focus();
    await ana.page.keyboard.press("ArrowUp");
    await ana.page.keyboard.press("ArrowUp");
    await ana.page.keyboard.press("Enter");
    await ana.page.getByRole("menu").waitFor();
    await looks.at("chat-menu", ana);
    await ana.page.keyboard.press("Escape");

    // A change of looks may have closed the menu, and Escape then the panel.
    await ana.showChat();
    await ana.button("Search messages").click();
    await ana.page.getByRole("searchbox").fill("budget");
    await ana.shows("1 message", { exact: true }).waitFor();
    await looks.at("chat-search", ana);
    await ana.button("Close the search").click();
    assert.equal(await log(ana).locator(".message").count(), 3);
    looks.done();
  },
);

scenario("what two write alone is still there after a reload", async (meeting) => {
  const { ana, ben } = await between(meeting);

  await ben.page.reload();
  await ben.joinButton.waitFor();
  // Nobody sees whoever has not joined.
  await ana.seesNoLonger("Ben");
  await ana.tile("Ben").waitFor({ state: "detached" });
  await ben.enter({ devices: false });
  await ana.sees("Ben");
  await ana.write("Are you back?", { to: "Ben" });
  await ben.reads("Just between us", { from: "Ana" });
  await ben.reads("Are you back?", { from: "Ana" });
  await log(ben)
    .getByRole("button", { name: /^Heart: 1/ })
    .waitFor();
  assert.equal(await ben.countLines("Are you back?"), 1);
  await ben.write("I am", { to: "Ana" });
  await ana.reads("I am", { from: "Ben" });
});

const TYPED = 24;

/** Runs in the page: so many lines, each as soon as the box is empty again. */
async function typeFast(field, count) {
  const { set } = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value");
  const drawn = () => new Promise((done) => requestAnimationFrame(done));
  for (let number = 1; number <= count; number += 1) {
    set.call(field, `Line ${number}`);
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await drawn();
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    while (field.value !== "") await drawn();
  }
}

scenario("lines that the server does not pass on say so, and are sent again", async (meeting) => {
  const looks = new Looks();
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { devices: false });
  await ben.showChat();
  const failed = ben.page.locator(".delivery-failed");
  // The server takes in nothing until the chat is locked as well: of the lines written before, hardly any comes first.
  process.kill(meeting.server.pid, "SIGSTOP");
  try {
    await box(ben).evaluate(typeFast, TYPED);
    await ana.tool("Host").click();
    await ana.page.getByRole("menuitem", { name: "Quiet everything now" }).click();
  } finally {
    process.kill(meeting.server.pid, "SIGCONT");
  }
  await ana.showChat();
  const passed = () => log(ana).locator(".message").count();
  await until("each line to have passed or to say that it has not", async () => {
    return (await failed.count()) + (await passed()) === TYPED;
  });
  assert.ok((await passed()) < 10, "it was locked before most of them came");
  await ana.button("Put back as it was").click();
  await box(ben).waitFor();
  const line = log(ben).locator(".message", { has: failed }).first();
  const text = (await line.locator(".message-text").textContent()).trim();
  await looks.at("chat-not-sent", ben);
  assert.equal(await ana.countLines(text), 0);
  await line.getByRole("button", { name: "Send again" }).click();
  await ana.reads(text);

  // Whoever wrote last may still look at what was before.
  const list = log(ben);
  await list.evaluate((element) => element.scrollTo({ top: 0 }));
  await ben.button("Jump to newest").waitFor();
  assert.equal(await list.evaluate(({ scrollTop }) => scrollTop), 0);
  await ben.button("Jump to newest").click();
  await ben.button("Jump to newest").waitFor({ state: "detached" });
  await ana.write("And after?");
  await until("what comes to be in sight", () =>
    list.evaluate((at) => at.scrollHeight - at.scrollTop - at.clientHeight < 2),
  );
  looks.done();
});
