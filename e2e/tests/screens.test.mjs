// Every screen in light, dark, on a phone, zoomed and from right to left: readable by a screen reader, within the window,
// and pictures of them kept. And the whole way from the front door to leaving with the keyboard alone.
import { Looks } from "../lib/looks.mjs";
import { scenario } from "../lib/scenario.mjs";
import {
  LOOKS,
  tourInArabic,
  tourOfHosting,
  tourOfHostingInArabic,
  tourOfArriving,
  tourOfMeeting,
} from "../lib/tour.mjs";

/** Looks at each screen of a tour and says at the end what is wrong anywhere. */
async function inspect(tour, meeting, names, mark = "") {
  const looks = new Looks();
  await tour(meeting, (screen, person, only = names) => looks.at(`${screen}${mark}`, person, only));
  looks.done();
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
