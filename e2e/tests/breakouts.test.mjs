// Who goes into which breakout room: by chance, and as everybody likes; how many there may be, and what goes along.
import assert from "node:assert/strict";

import { fromMore } from "../lib/activities.mjs";
import { Looks } from "../lib/looks.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

const GUESTS = ["Ben", "Cleo", "Dan"];
const inside = ({ page }) => page.getByRole("region", { name: "You are in a breakout room." });

const enters = async (person) => {
  await inside(person).waitFor();
  await person.settled();
};

async function gather(meeting) {
  await meeting.server.createRoom("main", { title: "Design review" });
  const ana = await meeting.join("Ana", { admin: true, room: "main", devices: false });
  const guests = [];
  for (const name of GUESTS) {
    guests.push(await meeting.join(name, { room: "main", devices: false }));
    await ana.sees(name);
  }
  await fromMore(ana, "Breakout rooms");
  await ana.button("Create breakout rooms").click();
  return { ana, guests };
}

/** The room each guest is in, as the host's form or the host's list shows it. */
async function places(ana, label) {
  const chosen = GUESTS.map(async (name) => {
    const choice = ana.page.getByRole("combobox", { name: label(name), exact: true });
    return choice.evaluate((select) => select.selectedOptions[0].textContent);
  });
  return Promise.all(chosen);
}

scenario(
  "by chance everybody gets a room, no room stays empty, and all go there",
  async (meeting) => {
    const { ana, guests } = await gather(meeting);

    await ana.page.getByRole("radio", { name: "By chance" }).check();
    const drawn = await places(ana, (name) => name);
    assert.deepEqual([...new Set(drawn)].toSorted(), ["Room 1", "Room 2"]);
    await until("chance to decide otherwise", async () => {
      await ana.button("Draw again").click();
      return (await places(ana, (name) => name)).join() !== drawn.join();
    });
    const decided = await places(ana, (name) => name);
    assert.deepEqual([...new Set(decided)].toSorted(), ["Room 1", "Room 2"]);
    await ana.button("Open the rooms").click();
    await ana.page.getByRole("article", { name: "Room 1" }).waitFor();

    for (const [seat, guest] of guests.entries()) {
      await guest.page.getByRole("button", { name: "Join", exact: true }).first().click();
      await enters(guest);
      await guest.page
        .getByRole("heading", { name: new RegExp(decided[seat]) })
        .first()
        .waitFor();
    }
    await until("the host to see all of them there", async () => {
      const there = await ana.page.locator(".breakout-dot[data-there=true]").count();
      return there === GUESTS.length;
    });
    assert.deepEqual(await places(ana, (name) => `Move ${name} to`), decided);
  },
);

scenario("everybody chooses a room, and may choose another", async (meeting) => {
  const { ana, guests } = await gather(meeting);
  const [ben, cleo] = guests;

  await ana.page.getByRole("radio", { name: "Everybody chooses" }).check();
  assert.equal(await ana.page.getByRole("combobox", { name: "Ben" }).count(), 0);
  await ana.button("Open the rooms").click();
  await ana.page.getByRole("article", { name: "Room 2" }).waitFor();

  const enter = async (person, room) => {
    if (!(await person.page.getByRole("article", { name: room }).isVisible())) {
      await fromMore(person, "Breakout rooms");
    }
    const card = person.page.getByRole("article", { name: room });
    await card.getByRole("button", { name: "Join" }).click();
    await enters(person);
  };
  await enter(ben, "Room 2");
  await enter(cleo, "Room 2");
  await ben.sees("Cleo");
  const second = ana.page.getByRole("article", { name: "Room 2" });
  await second.getByText("2 of 2 are there").waitFor();

  await ben.button("Back to the main room").click();
  await inside(ben).waitFor({ state: "detached" });
  await enter(ben, "Room 1");
  await ana.page.getByRole("article", { name: "Room 1" }).getByText("1 of 1 are there").waitFor();
  await second.getByText("1 of 1 are there").waitFor();
});

scenario(
  "whoever comes to a room that has just ended is back in the main room",
  async (meeting) => {
    const { ana, guests } = await gather(meeting);
    const [ben] = guests;
    await ana.page.getByRole("radio", { name: "By chance" }).check();
    await ana.button("Open the rooms").click();
    await ana.page.getByRole("article").filter({ hasText: "Ben" }).waitFor();
    // Between the server's yes and the way there; the room says no then.
    meeting.allowedProblems.push(/status of 401/u);
    const answer = async (route) => {
      const response = await route.fetch();
      await ana.button("End all rooms").click();
      await ana.page.getByRole("article").first().waitFor({ state: "detached" });
      await route.fulfill({ response });
    };
    await ben.page.route("**/api/breakoutRoom/join", answer, { times: 1 });

    await ben.page.getByRole("button", { name: "Join", exact: true }).first().click();
    await ben.page
      .getByText("That room has ended. You are back in the main room.")
      .first()
      .waitFor();
    await ben.sees("Ana");
    await ana.sees("Ben");
  },
);

scenario("a countdown is seen by all, taken back, and rooms are made longer", async (meeting) => {
  const looks = new Looks();
  const { ana, guests } = await gather(meeting);
  const [ben] = guests;
  await ana.page.getByRole("radio", { name: "By chance" }).check();
  await ana.button("Open the rooms").click();
  // Chance decides which; the time of a room runs once somebody is in it.
  const card = ana.page.getByRole("article").filter({ hasText: "Ben" });
  await card.waitFor();
  await ben.page.getByRole("button", { name: "Join", exact: true }).first().click();
  await enters(ben);

  await ana.button("End in a minute").click();
  const told = ana.shows(/^All rooms end in \d+ seconds\.$/u);
  await told.waitFor();
  const seen = inside(ben).getByText(/^It ends in \d+ seconds\.$/u);
  await seen.waitFor();
  await ben.page
    .getByText(/^This room ends in \d+ seconds\.$/u)
    .first()
    .waitFor();
  await looks.at("breakout-countdown", ana);
  await looks.at("breakout-countdown-inside", ben);
  await ana.button("Keep them open").click();
  await told.waitFor({ state: "detached" });
  await seen.waitFor({ state: "detached" });

  const left = async (room) => (await room.getByRole("timer").textContent()) ?? "";
  assert.match(await left(card), /^1[45]:/u);
  await card.getByRole("button", { name: "5 minutes more" }).click();
  await until("the room to last longer", async () => /^(19|20):/u.test(await left(card)));
  await enters(ben);
  looks.done();
});

scenario(
  "there are no more rooms than the meeting may have, whoever asks for them",
  async (meeting) => {
    await meeting.server.createRoom("main", {
      title: "Design review",
      features: { breakout_room_features: { is_allow: true, allowed_number_rooms: 2 } },
    });
    const ana = await meeting.join("Ana", { admin: true, room: "main", devices: false });
    const dora = await meeting.join("Dora", { admin: true, room: "main", devices: false });
    const ben = await meeting.join("Ben", { room: "main", devices: false });
    for (const host of [ana, dora]) {
      await host.sees("Ben");
      await fromMore(host, "Breakout rooms");
      await host.button("Create breakout rooms").click();
      await host.page.getByRole("radio", { name: "Everybody chooses" }).check();
    }
    const howMany = ana.page.getByRole("spinbutton", { name: "Rooms" });
    await howMany.fill("5");
    assert.equal(await howMany.inputValue(), "2");

    await ana.button("Open the rooms").click();
    await ana.page.getByRole("article", { name: "Room 2" }).waitFor();
    assert.equal(await ana.button("Create more rooms").count(), 0);
    // Dora began before there were any; the server counts.
    await dora.button("Open the rooms").click();
    await dora.page
      .getByRole("alert")
      .getByText("This meeting may have at most 2 breakout rooms at a time. End some first.")
      .waitFor();
    await fromMore(ben, "Breakout rooms");
    await ben.page.getByRole("article", { name: "Room 2" }).waitFor();
    assert.equal(await ben.page.getByRole("article").count(), 2);
  },
);

scenario("locks go along into a breakout room, and so do the rights of hosts", async (meeting) => {
  await meeting.server.createRoom("main", { title: "Design review" });
  const ana = await meeting.join("Ana", { admin: true, room: "main", devices: false });
  const ben = await meeting.join("Ben", { room: "main", devices: false });
  await ana.sees("Ben");
  await ana.page.keyboard.press("l");
  await ana.setLock("Reactions", true);
  await ana.closeDialog();
  await ana.does("Ben", "Lock settings");
  await ana.setLock("Reactions", false);
  await ana.setLock("Private messages", true);
  await ana.closeDialog();

  await fromMore(ana, "Breakout rooms");
  await ana.button("Create breakout rooms").click();
  await ana.page.getByRole("spinbutton", { name: "Rooms" }).fill("1");
  await ana.page.getByRole("combobox", { name: "Ben" }).selectOption("Room 1");
  await ana.button("Open the rooms").click();
  await ben.page.getByRole("button", { name: "Join", exact: true }).first().click();
  await enters(ben);
  const card = ana.page.getByRole("article", { name: "Room 1" });
  await card.getByText("1 of 1 are there").waitFor();
  await card.getByRole("button", { name: "Join" }).click();
  await enters(ana);

  await ben.page.keyboard.press("l");
  const sheet = ben.page.getByRole("dialog", { name: "What you may do" });
  await ben.readsLock(sheet, "Private messages", "A host has locked this for you");
  await ben.readsLock(sheet, "Reactions", "A host has unlocked this for you");
  assert.equal(await ben.tool("Host.*").count(), 0, "an attendee is no host inside either");
  await ana.tool("Host").waitFor();
  await ana.does("Ben", "Lock settings");
  await ana.setLock("Private messages", false);
  await ben.readsLock(sheet, "Private messages", "As for everyone");
});
