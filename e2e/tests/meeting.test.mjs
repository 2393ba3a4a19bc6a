// Two and three people in one meeting: the main job, on the real binary in real browsers.
import assert from "node:assert/strict";

import {
  untilHearing,
  untilSeeing,
  untilSilent,
  untilSeeingExactly,
  untilWay,
} from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";

scenario("three people see and hear each other", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, largeCamera: true });
  const ben = await meeting.join("Ben");
  const cleo = await meeting.join("Cleo");

  for (const person of [ana, ben, cleo]) {
    await untilSeeing(person.page, 2);
    await untilHearing(person.page, 2);
    // Where everything gets through, nothing takes a detour.
    await untilWay(person.page, "UDP", (way) => way.protocol === "udp" && way.type !== "relay");
  }
  for (const other of ["Ben", "Cleo"]) await ana.sees(other);
});

scenario("a camera that is turned off freezes for nobody and comes back", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  const ben = await meeting.join("Ben");
  await untilSeeing(ana.page, 1);

  await ben.turnCameraOff();
  await untilSeeingExactly(ana.page, 0);

  await ben.turnCameraOn();
  await untilSeeing(ana.page, 1);
  await untilHearing(ana.page, 1);
});

scenario("a muted microphone is silent for the others until it is unmuted", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  const ben = await meeting.join("Ben");
  await untilHearing(ana.page, 1);

  await ben.mute();
  await untilSilent(ana.page);

  await ben.unmute();
  await untilHearing(ana.page, 1);
});

scenario("a shared screen appears for the others and goes away again", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  const ben = await meeting.join("Ben");
  await untilSeeing(ben.page, 1);

  await ana.shareScreen();
  await ben.sharedScreenOf("Ana").waitFor();
  await untilSeeing(ben.page, 2);

  await ana.stopSharing();
  await ben.sharedScreenOf("Ana").waitFor({ state: "detached" });
});

scenario("people write to everyone and to one person alone", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  const ben = await meeting.join("Ben");
  const cleo = await meeting.join("Cleo");
  await ana.sees("Ben");

  await ana.write("Good morning, everyone");
  await ben.reads("Good morning, everyone");
  await cleo.reads("Good morning, everyone");
  await ben.write("Good morning, Ana");
  await ana.reads("Good morning, Ana");

  await ana.write("Only for Ben", { to: "Ben" });
  await ben.reads("Only for Ben", { from: "Ana" });
  await ana.write("For everyone again");
  await cleo.reads("For everyone again");
  assert.equal(await cleo.countLines("Only for Ben"), 0);
});

scenario("who comes late reads what was written before", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  await ana.write("The agenda is on the table");
  await ana.write("We start in a minute");
  await ana.reads("We start in a minute");

  const ben = await meeting.join("Ben");

  await ben.reads("The agenda is on the table");
  await ben.reads("We start in a minute");
  assert.equal(await ben.countLines("We start in a minute"), 1);
});

scenario("a raised hand reaches the others, and so does a lowered one", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  const ben = await meeting.join("Ben");

  await ben.raiseHand();
  await ana.seesHandOf("Ben", { raised: true });

  await ben.lowerHand();
  await ana.seesHandOf("Ben", { raised: false });
});

scenario("who leaves disappears for the others", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  const ben = await meeting.join("Ben");
  await ana.sees("Ben");

  await ben.leave();

  await ana.seesNoLonger("Ben", { timeout: 20_000 });
  await untilSeeingExactly(ana.page, 0);
});

scenario("the host ends the meeting and everyone learns it", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  const ben = await meeting.join("Ben");
  await ana.sees("Ben");

  await ana.endForEveryone();

  await ben.ended();
  const { body } = await meeting.server.api("/room/isRoomActive", { room_id: "meeting" });
  assert.equal(body.is_active, false);
});

scenario("the application ends the meeting and everyone learns it", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  const ben = await meeting.join("Ben");

  const { body } = await meeting.server.api("/room/endRoom", { room_id: "meeting" });
  assert.equal(body.status, true);

  await ana.ended();
  await ben.ended();
});

scenario("someone without devices sits in, sees and hears", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  const ben = await meeting.join("Ben", { devices: false });

  await untilSeeing(ben.page, 1);
  await untilHearing(ben.page, 1);
  await ana.sees("Ben");
});

scenario(
  "the meeting is there while media still connects, and who turns something off meanwhile stays off",
  async (meeting) => {
    const ana = await meeting.join("Ana", { admin: true });
    const ben = await meeting.open("Ben");
    let connect;
    const held = new Promise((resolve) => (connect = resolve));
    await ben.page.routeWebSocket(/\/rtc/, async (socket) => {
      await held;
      socket.connectToServer();
    });
    await ben.openLink(await meeting.link("Ben"));
    await ben.joinButton.click();

    await ben.shows("Connecting…").waitFor();
    await ben.sees("Ana");
    // Oneself as in the green room, and words already go both ways.
    await ben.tile("Ben (you)").locator("video[data-playing=true]").waitFor();
    await ben.write("I am nearly there");
    await ana.reads("I am nearly there");
    await ben.mute();

    connect();
    await ben.shows("Connected", { exact: true }).waitFor();
    await untilHearing(ben.page, 1);
    await untilSeeing(ana.page, 1);
    assert.equal(await ben.tool("Unmute").count(), 1);
    await ana.tile("Ben").getByText("Muted").waitFor({ state: "attached" });
  },
);
