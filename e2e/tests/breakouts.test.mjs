// Who goes into which breakout room: by chance, and as everybody likes.
import assert from "node:assert/strict";

import { fromMore } from "../lib/activities.mjs";
import { Looks } from "../lib/looks.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

const GUESTS = ["Ben", "Cleo", "Dan"];
const inside = ({ page }) => page.getByRole("region", { name: "You are in a breakout room." });

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
      await inside(guest).waitFor();
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
    await inside(person).waitFor();
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

scenario("a countdown is seen by all, taken back, and rooms are made longer", async (meeting) => {
  const looks = new Looks();
  const { ana, guests } = await gather(meeting);
  const [ben] = guests;
  await ana.page.getByRole("radio", { name: "By chance" }).check();
  await ana.button("Open the rooms").click();
  const card = ana.page.getByRole("article", { name: "Room 1" });
  await card.waitFor();
  await ben.page.getByRole("button", { name: "Join", exact: true }).first().click();
  await inside(ben).waitFor();

  await ana.button("End in a minute").click();
  const told = ana.page.getByText(/^All rooms end in \d+ seconds\.$/u);
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
  await inside(ben).waitFor();
  looks.done();
});
