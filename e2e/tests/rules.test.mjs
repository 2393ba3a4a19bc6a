// What a room was set up with holds for a host, an attendee, somebody on a phone and somebody who waits, four browsers at
// a time: who is seen, who speaks first, what is read, where one is led afterwards.
import assert from "node:assert/strict";

import { Looks } from "../lib/looks.mjs";
import { untilHearing } from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

const PHONE = { width: 390, height: 844 };

/** There as soon as something is fetched, however slowly it comes. */
const picture = (person, of) => person.tile(of).locator("video");

scenario("cameras of attendees are seen by hosts and by themselves alone", async (meeting) => {
  await meeting.server.createRoom("meeting", { features: { allow_view_other_webcams: false } });
  const ana = await meeting.join("Ana", { admin: true });
  const ben = await meeting.join("Ben");
  const pia = await meeting.join("Pia", { viewport: PHONE });

  await picture(ana, "Ben").waitFor();
  await picture(ana, "Pia").waitFor();
  await picture(ben, "Ana").waitFor();
  await picture(pia, "Ana").waitFor();
  await picture(ben, "Ben (you)").waitFor();
  await ben.tile("Pia").waitFor();
  assert.equal(await ben.tile("Pia").locator("video").count(), 0);
  assert.equal(await pia.tile("Ben").locator("video").count(), 0);
});

scenario("where only hosts show themselves, others are told so and not filmed", async (meeting) => {
  await meeting.server.createRoom("meeting", { features: { admin_only_webcams: true } });
  const ana = await meeting.join("Ana", { admin: true });
  const ben = await meeting.join("Ben");

  await picture(ben, "Ana").waitFor();
  await ben.tool("Turn camera on").press("Enter");
  await ben.page
    .getByText("This meeting was set up so that only hosts show their camera.")
    .first()
    .waitFor();
  assert.equal(await ana.tile("Ben").locator("video").count(), 0);
});

scenario(
  "whoever comes into a room that starts muted is silent until they unmute",
  async (meeting) => {
    await meeting.server.createRoom("meeting", { features: { mute_on_start: true } });
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    const ben = await meeting.open("Ben");
    await ben.openLink(await meeting.link("Ben"));
    await ben.page.getByText("You join muted.", { exact: false }).first().waitFor();
    await ben.enter();

    await ben.tool("Unmute").waitFor();
    await ana.showPeople();
    await ana.person("Ben", "muted").waitFor();
    await ben.unmute();
    await untilHearing(ana.page, 1);
  },
);

scenario("somebody hidden watches, and nobody sees them", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  const token = await meeting.server.token("meeting", {
    id: "hal",
    name: "Hal",
    is_hidden: true,
  });
  const hal = await meeting.open("Hal");
  await hal.openLink(`${meeting.origin}/?access_token=${token}`);
  await hal.button("Join without devices").click();
  await hal.tool("Leave").waitFor();
  await picture(hal, "Ana").waitFor();

  await ana.write("Nobody else is here");
  await hal.reads("Nobody else is here");
  await ana.showPeople();
  assert.equal(await ana.person("Hal").count(), 0);
  assert.equal(await ana.tile("Hal").count(), 0);
});

scenario(
  "a room greets, names its owner, and leads on when it is over",
  async (meeting) => {
    await meeting.server.createRoom("meeting", {
      metadata: {
        welcome_message: "Welcome to the board.",
        logout_url: `${meeting.origin}/?after`,
        copyright_conf: { display: true, text: "The house of Ana" },
      },
    });
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    await ana.reads("Welcome to the board.");
    await ana.page.keyboard.press("Escape");
    await ana.page.keyboard.press(",");
    await ana.page.getByRole("dialog").getByText("The house of Ana").waitFor();
    await ana.closeDialog();

    await ana.endForEveryone();
    await ana.page.waitForURL(/after/u);
  },
  {
    config: "  copyright_conf:\n    display: true\n    text: The host\n    allow_override: true\n",
  },
);

scenario("a note left at the door is read inside, and changed", async (meeting) => {
  const looks = new Looks();
  await meeting.server.createRoom("meeting", {
    features: { waiting_room_features: { is_active: true, waiting_room_msg: "One moment." } },
  });
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const wes = await meeting.open("Wes");
  await wes.openLink(await meeting.link("Wes"));
  await wes.joinButton.click();
  await wes.page.getByText("Your place in the queue: 1 of 1").first().waitFor();

  const note = wes.page.getByRole("textbox", { name: "Note to the hosts" });
  await note.fill("I am the new auditor");
  await wes.button("Send").click();
  await wes.page.getByText("The hosts can read your note.").first().waitFor();
  await looks.at("waiting-note", wes);
  await ana.page.getByText("Wes tells you: I am the new auditor").first().waitFor();
  await ana.tool("Host.*waiting").click();
  await ana.page.getByRole("menuitem", { name: "Waiting room (1)" }).click();
  await ana.page.locator(".waiting-note", { hasText: "I am the new auditor" }).waitFor();
  await looks.at("waiting-note-read", ana);

  await note.fill("I am the auditor, and my key is with Ana");
  await wes.button("Change").click();
  await ana.page.locator(".waiting-note", { hasText: "my key is with Ana" }).waitFor();
  await wes.page.reload();
  await wes.joinButton.click();
  await until("the note to be there after a reload", async () =>
    /my key is with Ana/u.test(await note.inputValue()),
  );
  await ana.button("Let Wes in").click();
  await wes.tool("Leave").waitFor();
  looks.done();
});

scenario("everybody is muted but hosts, and speaks again when asked", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  const dora = await meeting.join("Dora", { admin: true });
  const ben = await meeting.join("Ben");
  const pia = await meeting.join("Pia", { viewport: PHONE });
  await ana.sees("Pia");
  const muteAll = async (change) => {
    await ana.tool("Host").click();
    await ana.page.getByRole("menuitem", { name: "Mute everyone…" }).click();
    const dialog = ana.page.getByRole("dialog", { name: "Mute everyone?" });
    await change?.(dialog);
    await dialog.getByRole("button", { name: "Mute everyone" }).click();
  };

  await muteAll((dialog) => dialog.getByLabel("People may unmute themselves").uncheck());
  await ben.tool("Unmute").waitFor();
  await pia.tool("Unmute").waitFor();
  await dora.tool("Mute").waitFor();
  await ben.tool("Unmute").press("Enter");
  await ben.page
    .getByText("In this meeting hosts say who speaks.", { exact: false })
    .first()
    .waitFor();
  await ana.does("Ben", "Ask to unmute");
  await ben.page.getByText("Ana asks you to unmute.").first().waitFor();
  await ben.page.locator(".notice-action", { hasText: "Unmute" }).click();
  await ben.tool("Mute").waitFor();

  await muteAll((dialog) => dialog.getByLabel("The other hosts as well").check());
  await dora.tool("Unmute").waitFor();
  await ana.tool("Mute").waitFor();
});

scenario("when the presenter leaves, a host presents instead", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { devices: false });
  await ana.does("Ben", "Make presenter");
  await ben.page.getByText("You are the presenter now.").first().waitFor();
  await ana.person("Ben", "Presenter").waitFor();

  await ben.leave();
  await ana.seesNoLonger("Ben");
  await ana.person("Ana", "Presenter").waitFor();
});
