// The way in without an application: the front door, the invitation, and links that do not work.
import assert from "node:assert/strict";

import { untilHearing, untilSeeing } from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";

scenario("a stranger starts a meeting at the front door and invites another", async (meeting) => {
  const ana = await meeting.open("Ana");
  await ana.openFrontDoor();
  await ana.startMeeting("Ana");
  await ana.enter();
  const link = await ana.inviteLink();

  const ben = await meeting.open("Ben");
  await ben.acceptInvitation(link, "Ben");
  await ben.enter();

  await untilSeeing(ana.page, 1);
  await untilHearing(ana.page, 1);
  await untilSeeing(ben.page, 1);
  await untilHearing(ben.page, 1);
  await ana.write("Welcome");
  await ben.reads("Welcome");
  await ben.write("Thank you");
  await ana.reads("Thank you");
});

scenario("a link that was never valid says so and offers a way on", async (meeting) => {
  meeting.allowedProblems.push(/401/);
  const ana = await meeting.open("Ana");

  await ana.page.goto(`${meeting.origin}/?access_token=not.a.token`);

  await ana.page.getByRole("heading", { name: "This link does not work" }).waitFor();
  assert.equal(await ana.button("Leave").count(), 0);
});

scenario(
  "a second tab of the same person takes over and the first one is told",
  async (meeting) => {
    const first = await meeting.join("Ana", { admin: true });
    const ben = await meeting.join("Ben");
    await ben.sees("Ana");

    const second = await meeting.open("Ana again");
    await second.openLink(await meeting.link("Ana", { admin: true }));
    await first.ended(/opened somewhere else/i);
    await second.enter();

    await untilSeeing(second.page, 1);
    await ben.sees("Ana");
  },
);
