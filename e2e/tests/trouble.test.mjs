// What is on the air and does not flow is said, to its owner with what to do and to the others on the tile; and a server
// that is full says so.
import assert from "node:assert/strict";

import { Looks } from "../lib/looks.mjs";
import { untilHearing, untilSeeing } from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

/** How long it may take until somebody sees that nothing comes. */
const NOTICED = { timeout: 40_000 };

/** Runs in the page before its own code: keeps every device that was opened, newest last. */
function keepDevices() {
  window.opened = [];
  const media = MediaDevices.prototype;
  const native = media.getUserMedia;
  media.getUserMedia = async function (wish) {
    const stream = await native.call(this, wish);
    window.opened.push(...stream.getTracks());
    return stream;
  };
}

/** The newest device of that kind that is still open, as the system would treat it. */
function treat(person, kind, how) {
  return person.page.evaluate(
    ([wanted, does]) => {
      const track = window.opened.findLast(
        (one) => one.kind === wanted && one.readyState === "live",
      );
      if (does === "stop") return track.stop();
      Object.defineProperty(track, "muted", { get: () => does === "mute", configurable: true });
      return void track.dispatchEvent(new Event(does));
    },
    [kind, how],
  );
}

/** On the screen, not in the region that reads it out and keeps its last words. */
const noticeOf = (person, words) =>
  person.page.getByRole("list", { name: "Notices" }).getByText(words, { exact: false });

async function joinWithHooks(meeting, name, how) {
  const person = await meeting.open(name);
  await person.page.addInitScript(keepDevices);
  await person.openLink(await meeting.link(name, how));
  await person.enter();
  return person;
}

scenario(
  "a camera that gives nothing is said to its owner, and on the tile to the others",
  async (meeting) => {
    const ana = await joinWithHooks(meeting, "Ana", { admin: true });
    const ben = await meeting.join("Ben");
    await untilSeeing(ben.page, 1);
    const marker = ben.tile("Ana").getByText("No picture arrives");
    assert.equal(await marker.count(), 0);

    // A device that is taken away in this way tells nobody.
    await treat(ana, "video", "stop");

    const notice = noticeOf(ana, "Your camera gives no picture, although it is on.");
    await notice.waitFor(NOTICED);
    await marker.waitFor(NOTICED);
    const looks = new Looks();
    await looks.at("stuck-camera", ana, ["light", "dark", "phone", "narrow"]);
    await looks.at("no-picture", ben, ["light", "dark", "phone"]);
    await ana.button("Try again").click();
    await notice.waitFor({ state: "detached" });
    await marker.waitFor({ state: "detached", ...NOTICED });
    await untilSeeing(ben.page, 1);
    looks.done();
  },
);

scenario("a microphone that the system holds back is said until it lets go", async (meeting) => {
  const ana = await joinWithHooks(meeting, "Ana", { admin: true });
  const ben = await meeting.join("Ben");
  await untilHearing(ben.page, 1);
  const notice = noticeOf(ana, "holds your microphone back");

  await treat(ana, "audio", "mute");
  await notice.waitFor(NOTICED);
  await ana.button("Choose another").click();
  await ana.page.getByRole("dialog", { name: "Settings" }).waitFor();
  await ana.closeDialog();

  await treat(ana, "audio", "unmute");
  await notice.waitFor({ state: "detached", ...NOTICED });
  await untilHearing(ben.page, 1);
});

scenario(
  "a server at its limit says so, the rest goes on, and media come when there is room",
  async (meeting) => {
    meeting.allowedProblems.push(/503/, /WebSocket/);
    const ana = await meeting.join("Ana", { admin: true });
    const ben = await meeting.open("Ben");
    let full = true;
    await ben.page.routeWebSocket(/\/rtc\//, (socket) => {
      if (full) socket.close({ code: 1011 });
      else socket.connectToServer();
    });
    await ben.page.route(/\/rtc\/(v1\/)?validate/, (route) =>
      full ? route.fulfill({ status: 503, body: "the media server is full" }) : route.continue(),
    );
    await ben.openLink(await meeting.link("Ben"));
    await ben.enter();

    const banner = ben.shows("The server is at its limit. Trying again…");
    await banner.first().waitFor();
    const looks = new Looks();
    await looks.at("full", ben, ["light", "dark", "phone", "narrow"]);
    await ben.write("I am here all the same");
    await ana.reads("I am here all the same");
    full = false;
    await until(
      "the banner to go",
      async () => (await ben.page.locator(".media-banner").count()) === 0,
      {
        timeout: 90_000,
      },
    );
    await untilSeeing(ben.page, 1);
    await untilSeeing(ana.page, 1);
    looks.done();
  },
);

scenario("how loud somebody is stays as it was set, through a reload", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben");
  await untilHearing(ana.page, 1);
  await ana.showActionsFor("Ben");
  await ana.page.getByLabel("Volume of Ben").fill("30");
  const loud = () =>
    ana.page.locator("audio[data-participant=ben]").evaluate(({ volume }) => volume);
  await until("Ben to be softer", async () => (await loud()) === 0.3);

  await ana.page.reload();
  await ana.enter({ devices: false });
  await until("Ben to be as soft as before", async () => (await loud()) === 0.3);
  await ben.sees("Ana");
});
