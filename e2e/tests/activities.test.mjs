// Polls, breakout rooms, a shared video and longer meetings, with the real server and several people.
import assert from "node:assert/strict";

import { fromMore, startPoll } from "../lib/activities.mjs";
import { Looks } from "../lib/looks.mjs";
import { untilSeeing } from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";

scenario("a poll is asked, answered, counted, closed and posted", async (meeting) => {
  const looks = new Looks();
  await meeting.server.createRoom("polls", { title: "Design review" });
  const ana = await meeting.join("Ana", { admin: true, room: "polls", devices: false });
  const ben = await meeting.join("Ben", { room: "polls", devices: false });
  const cleo = await meeting.join("Cleo", { room: "polls", devices: false });

  await fromMore(ana, "Polls");
  await ana.button("New poll").click();
  await looks.at("poll-form", ana);
  await ana.button("Cancel").click();
  await startPoll(ana, "Which colour?", ["Green", "Blue", "Grey"]);

  await ben.button("Show it").click();
  const asked = ben.page.getByRole("article", { name: "Which colour?" });
  await asked.getByRole("radio", { name: "Blue" }).check();
  await looks.at("poll-vote", ben);
  await asked.getByRole("button", { name: "Vote" }).click();
  await asked.getByText("You have voted.").waitFor();
  assert.equal(await asked.getByText("1 · 100 %").count(), 0, "the counts come when it is closed");

  const seen = ana.page.getByRole("article", { name: "Which colour?" });
  await seen.getByText("1 · 100 %").waitFor();
  await seen.getByRole("button", { name: "Who chose what" }).click();
  await seen.locator("dd").getByText("Ben").waitFor();
  await looks.at("poll-host", ana);

  const saving = ana.page.waitForEvent("download");
  await seen.getByRole("button", { name: "Save as CSV" }).click();
  assert.equal((await saving).suggestedFilename(), "Which colour_.csv");

  await cleo.page.getByRole("button", { name: /^Polls, 1 unanswered/ }).waitFor();
  await seen.getByRole("button", { name: "Close" }).click();
  await asked.getByText("1 · 100 %").waitFor();
  await seen.getByRole("button", { name: "Post to chat" }).click();
  await cleo.showChat();
  await cleo.page.getByRole("log").getByText("Poll: Which colour?").waitFor();
  looks.done();
});

scenario("an anonymous poll with several answers tells nobody who chose what", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { devices: false });
  await startPoll(ana, "Lunch?", ["Soup", "Salad", "Bread"], { multiple: true, anonymous: true });
  await ben.button("Show it").click();
  const asked = ben.page.getByRole("article", { name: "Lunch?" });
  await asked.getByRole("checkbox", { name: "Soup" }).check();
  await asked.getByRole("checkbox", { name: "Bread" }).check();
  await asked.getByRole("button", { name: "Vote" }).click();
  await asked.getByText("You have voted.").waitFor();

  const seen = ana.page.getByRole("article", { name: "Lunch?" });
  await seen.getByText("1 answer", { exact: true }).waitFor();
  assert.equal(await seen.getByRole("button", { name: "Who chose what" }).count(), 0);
});

scenario("breakout rooms: made, joined in place, helped, moved and closed", async (meeting) => {
  const looks = new Looks();
  await meeting.server.createRoom("main", { title: "Design review" });
  const ana = await meeting.join("Ana", { admin: true, room: "main" });
  const ben = await meeting.join("Ben", { room: "main" });
  const cleo = await meeting.join("Cleo", { room: "main" });
  for (const name of ["Ben", "Cleo"]) await ana.sees(name);

  await fromMore(ana, "Breakout rooms");
  await ana.button("Create breakout rooms").click();
  await ana.page.getByRole("combobox", { name: "Ben" }).selectOption("Room 1");
  await ana.page.getByRole("combobox", { name: "Cleo" }).selectOption("Room 2");
  await looks.at("breakout-form", ana);
  await ana.button("Open the rooms").click();
  await ana.page.getByRole("article", { name: "Room 1" }).waitFor();

  const invited = ben.shows("You are asked to join a breakout room.");
  await invited.first().waitFor();
  await ben.page.getByRole("button", { name: "Join", exact: true }).first().click();
  await ben.page.getByRole("region", { name: "You are in a breakout room." }).waitFor();
  await cleo.page.getByRole("button", { name: "Join", exact: true }).first().click();
  await cleo.page.getByRole("region", { name: "You are in a breakout room." }).waitFor();
  await looks.at("breakout-inside", ben);

  await ben.button("Ask for help").click();
  const first = ana.page.getByRole("article", { name: "Room 1" });
  await first.getByText("Asks for help").waitFor({ timeout: 20_000 });
  await looks.at("breakout-host", ana);

  // The host moves Cleo to Ben's room; she follows the call.
  const second = ana.page.getByRole("article", { name: "Room 2" });
  await second.getByLabel("Move Cleo to").selectOption("Room 1");
  await cleo.page.getByRole("button", { name: "Join", exact: true }).first().click();
  await untilSeeing(ben.page, 1);

  await ben.button("Back to the main room").click();
  await ben.page.getByRole("heading", { name: "Design review" }).waitFor();
  await ben.page
    .getByRole("region", { name: "You are in a breakout room." })
    .waitFor({ state: "detached" });

  await ana.page.getByRole("textbox", { name: "Write to all rooms" }).fill("Two minutes left");
  await ana.page.getByRole("textbox", { name: "Write to all rooms" }).press("Enter");
  await cleo.reads("Two minutes left");
  await ana.button("End all rooms").click();
  await cleo.page
    .getByRole("region", { name: "You are in a breakout room." })
    .waitFor({ state: "detached" });
  await cleo.page.getByRole("heading", { name: "Design review" }).waitFor();
  await ana.sees("Cleo");
  looks.done();
});

scenario("a limited meeting is made longer by the host", async (meeting) => {
  const looks = new Looks();
  await meeting.server.createRoom("short", {
    title: "Design review",
    features: { room_duration: 20 },
  });
  const ana = await meeting.join("Ana", { admin: true, room: "short", devices: false });
  const ben = await meeting.join("Ben", { room: "short", devices: false });
  await ben.page.getByRole("timer", { name: /^Time left: (19|20):/ }).waitFor();

  await ana.button("Make the meeting longer").click();
  await ana.page.getByRole("menu").waitFor();
  await looks.at("extend", ana);
  await ana.page.getByRole("menuitem", { name: "15 minutes more" }).click();
  await ben.page.getByText("The meeting was made 15 minutes longer.").first().waitFor();
  await ben.page.getByRole("timer", { name: /^Time left: 3[45]:/ }).waitFor();
  looks.done();
});

scenario("a video from elsewhere is fetched by nobody who has not agreed", async (meeting) => {
  const looks = new Looks();
  await meeting.server.createRoom("film", { title: "Design review" });
  const ana = await meeting.join("Ana", { admin: true, room: "film", devices: false });
  const ben = await meeting.join("Ben", { room: "film", devices: false });

  await fromMore(ana, "Play a video");
  await looks.at("player-dialog", ana);
  await ana.page.getByLabel("Address of a video or audio file").fill("http://films.example/x.mp4");
  await ana.button("Play for everybody").click();
  await ana.shows("That is no address that begins with https://.").waitFor();
  await ana.page
    .getByLabel("Address of a video or audio file")
    .fill("https://films.example/intro.mp4");
  await ana.button("Play for everybody").click();

  await ben.page.getByRole("heading", { name: "A video from films.example" }).waitFor();
  await looks.at("player-ask", ben);
  assert.equal(await ben.page.getByRole("button", { name: "Stop the video" }).count(), 0);
  await ana.button("Stop the video").click();
  await ben.page
    .getByRole("heading", { name: "A video from films.example" })
    .waitFor({ state: "detached" });
  looks.done();
});

scenario("what people do together is read from right to left", async (meeting) => {
  const looks = new Looks();
  const room = "arabic";
  await meeting.server.createRoom(room, { title: "اجتماع التصميم" });
  const laila = await meeting.open("ليلى", { locale: "ar" });
  await laila.openLink(await meeting.link("ليلى", { room, id: "laila", admin: true }));
  await laila.joinButton.click();
  const ben = await meeting.join("Ben", { room });
  await ben.write("صباح الخير، هل نبدأ؟");
  const { page } = laila;
  await page.keyboard.press("c");
  await page.getByText("صباح الخير، هل نبدأ؟").first().waitFor();
  const line = page.locator(".message").first();
  await line.hover();
  await line.locator(".line-more").click();
  await page.getByRole("menu").waitFor();
  await looks.at("chat-menu-arabic", laila, ["light", "phone-dark"]);
  await page.keyboard.press("Escape");

  const open = async (item) => {
    await page.getByRole("button", { name: "المزيد" }).first().click();
    await page.getByRole("menuitem", { name: item }).click();
  };
  await open("الاستطلاعات");
  await page.getByRole("button", { name: "استطلاع جديد" }).click();
  await page.getByRole("textbox", { name: "السؤال" }).fill("أي لون؟");
  await page.getByRole("textbox", { name: "الإجابة 1" }).fill("أخضر");
  await page.getByRole("textbox", { name: "الإجابة 2" }).fill("أزرق");
  await page.getByRole("button", { name: "ابدأ الاستطلاع" }).click();
  await page.getByRole("article", { name: "أي لون؟" }).waitFor();
  await looks.at("poll-arabic", laila, ["light", "phone-dark"]);
  await open("الغرف الفرعية");
  await page.getByRole("button", { name: "أنشئ غرفًا فرعية" }).click();
  await looks.at("breakout-arabic", laila, ["light", "phone-dark"]);
  looks.done();
});
