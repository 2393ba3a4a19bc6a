// Every screen in light, dark, on a phone, zoomed and from right to left: readable by a screen reader, within the window,
// and a picture of it kept. And the whole way from the front door to leaving with the keyboard alone.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { scenario } from "../lib/scenario.mjs";
import {
  clipped,
  inEveryLook,
  LOOKS,
  overflow,
  tourInArabic,
  tourOfHosting,
  tourOfHostingInArabic,
  tourOfArriving,
  tourOfMeeting,
  violations,
} from "../lib/tour.mjs";

const PICTURES = resolve(fileURLToPath(import.meta.url), "../../artifacts/screens");

/** Looks at each screen of a tour and says at the end what is wrong anywhere. */
async function inspect(tour, meeting, looks, mark = "") {
  await mkdir(PICTURES, { recursive: true });
  const findings = [];
  await tour(meeting, (screen, person, only = looks) =>
    inEveryLook(person, only, async (name) => {
      const { page } = person;
      const say = (text) => findings.push(`${screen} (${name}): ${text}`);
      await page.screenshot({ path: join(PICTURES, `${screen}${mark}-${name}.png`) });
      if (LOOKS[name].axe) (await violations(page)).forEach(say);
      const wider = await overflow(page);
      if (wider > 0) say(`${wider} px wider than the window`);
      (await clipped(page)).forEach(say);
    }),
  );
  assert.deepEqual(findings, []);
}

scenario("every screen on the way in is accessible and fits", async (meeting) => {
  meeting.allowedProblems.push(/401/);
  await inspect(tourOfArriving, meeting, Object.keys(LOOKS));
});

scenario("every screen of a meeting is accessible and fits", async (meeting) => {
  await inspect(tourOfMeeting, meeting, Object.keys(LOOKS));
});

scenario("every screen of a host is accessible and fits", async (meeting) => {
  await inspect(tourOfHosting, meeting, Object.keys(LOOKS));
});

scenario("every screen of a host from right to left is accessible and fits", async (meeting) => {
  const looks = ["light", "phone-dark", "narrow"];
  await inspect(tourOfHostingInArabic, meeting, looks, "-arabic");
});

scenario("every screen from right to left is accessible and fits", async (meeting) => {
  await inspect(tourInArabic, meeting, ["light", "phone-dark", "narrow"], "-arabic");
});

scenario(
  "a lost connection is said on every screen without hiding the way out",
  async (meeting) => {
    meeting.allowedProblems.push(/WebSocket connection to|net::ERR_/);
    const cutter = await meeting.withCutter();
    await inspect(
      async (world, look) => {
        const ana = await world.join("Ana", { admin: true });
        cutter.cut();
        await ana.reconnecting().waitFor();
        await look("reconnecting", ana);
      },
      meeting,
      ["light", "dark", "narrow"],
    );
  },
);

scenario("the whole way in, through and out needs nothing but the keyboard", async (meeting) => {
  const ana = await meeting.open("Ana");
  const { keyboard } = ana.page;
  const press = async (name) => {
    await ana.tabTo(name);
    await keyboard.press("Enter");
  };
  await ana.openFrontDoor();
  await ana.tabTo("Your name");
  await keyboard.type("Ana");
  await press("Start meeting");
  await ana.joinButton.waitFor();
  await press(/^Join(?! without)/);
  await ana.tool("Leave").waitFor();

  await press(/, Mute$/);
  await ana.tool("Unmute").waitFor();
  await press("Choose microphone");
  const chosen = ana.page.getByRole("menuitemradio", { checked: true });
  await chosen.first().waitFor();
  await keyboard.press("Escape");
  await press("View");
  await ana.page.getByRole("menuitemradio", { name: "Speaker large" }).waitFor();
  await keyboard.press("ArrowDown");
  await keyboard.press("Enter");
  await press("Chat");
  await ana.page.getByRole("textbox", { name: "Message" }).waitFor();
  await keyboard.type("Written without a mouse");
  await keyboard.press("Enter");
  await ana.page.getByRole("log").getByText("Written without a mouse").waitFor();
  await keyboard.press("Escape");
  await ana.page.getByRole("complementary").waitFor({ state: "hidden" });
  await press("Leave");
  await ana.page.getByRole("dialog").waitFor();
  await press("Leave meeting");
  await ana.ended(/you left/i);
});
