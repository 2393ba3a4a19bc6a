// Somebody with a client of their own making goes on sending whatever hosts say: the server passes none of it on.
import assert from "node:assert/strict";

import {
  neverFallSilent,
  sent,
  untilFrozen,
  untilHearing,
  untilSeeing,
  untilSeeingExactly,
  untilSilent,
} from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

const UNLOCKED = { metadata: { default_lock_settings: { lock_screen_sharing: false } } };

/** Somebody whose devices nothing switches off. */
async function stubborn(meeting, name) {
  const person = await meeting.open(name);
  await person.page.addInitScript(neverFallSilent);
  await person.openLink(await meeting.link(name));
  await person.enter();
  return person;
}

/** Packets of this kind still leave the page. */
async function untilStillSending(person, kind) {
  const before = (await sent(person.page))[kind];
  await until(`${person.name} to send on`, async () => (await sent(person.page))[kind] > before);
}

scenario(
  "a locked microphone is heard by nobody though its owner sends on, and again once unlocked",
  async (meeting) => {
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    const ben = await stubborn(meeting, "Ben");
    await untilHearing(ana.page, 1);
    await untilSeeing(ana.page, 1);

    await ana.page.keyboard.press("l");
    await ana.setLock("Microphone", true);
    await untilSilent(ana.page);
    await untilStillSending(ben, "audio");
    await untilSilent(ana.page);
    await untilSeeing(ana.page, 1);

    await ana.setLock("Microphone", false);
    await ben.page.getByText("A host has unlocked your microphone.").first().waitFor();
    await ben.unmute();
    await untilHearing(ana.page, 1);
  },
);

scenario("a locked camera and a locked screen are seen by nobody", async (meeting) => {
  await meeting.server.createRoom("meeting", UNLOCKED);
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await stubborn(meeting, "Ben");
  await ben.shareScreen();
  await untilSeeing(ana.page, 2);

  await ana.page.keyboard.press("l");
  await ana.setLock("Screen sharing", true);
  await untilSeeingExactly(ana.page, 1);
  await ana.setLock("Camera", true);
  await untilFrozen(ana.page);
  await untilStillSending(ben, "video");
  await untilFrozen(ana.page);
  await untilHearing(ana.page, 1);
});

scenario("whom a host mutes or sends out is not heard, whatever they send", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await stubborn(meeting, "Ben");
  const cleo = await meeting.join("Cleo", { devices: false });
  await untilHearing(ana.page, 1);

  await ana.does("Ben", "Mute");
  await untilSilent(ana.page);
  await untilStillSending(ben, "audio");
  await untilSilent(cleo.page);
  await ana.does("Ben", "Remove from the meeting");
  await ana.button("Remove").click();
  await ben.ended(/removed/i);
  await untilFrozen(ana.page);
  await untilFrozen(cleo.page);
  assert.equal(await cleo.tile("Ben").count(), 0);
});
