// What only a real browser can show: history, focus, keys held down, and what is read out.
import assert from "node:assert/strict";

import { untilHearing, untilSeeing } from "../lib/media.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

scenario("Back in a meeting closes what is open, then asks, and never leaves", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  await ana.showChat();
  const dialog = ana.page.getByRole("dialog");

  await ana.page.goBack();
  await dialog.getByRole("button", { name: "Leave meeting" }).waitFor();
  await ana.page.goBack();
  await dialog.waitFor({ state: "hidden" });
  await ana.page.goBack();
  await dialog.waitFor();
  await dialog.getByRole("button", { name: "Leave meeting" }).click();
  await ana.ended(/you left/i);
});

scenario("Back on a phone closes the sheet before it asks", async (meeting) => {
  const ana = await meeting.join("Ana", { viewport: { width: 390, height: 844 } });
  await ana.showChat();

  await ana.page.goBack();
  await ana.page.getByRole("complementary").waitFor({ state: "hidden" });
  await ana.tool("Leave").waitFor();
  assert.equal(await ana.page.getByRole("dialog").count(), 0);
});

scenario(
  "the space bar talks while it is held, also on a button that was clicked",
  async (meeting) => {
    const ana = await meeting.join("Ana", { admin: true });
    await ana.mute();

    await ana.page.keyboard.down("Space");
    await ana.tool("Mute").waitFor();
    await ana.page.keyboard.up("Space");
    await ana.tool("Unmute").waitFor();
    assert.equal(await ana.tool("Unmute").count(), 1);
  },
);

scenario("letters typed into an open menu are not shortcuts", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  await ana.tool("More").click();
  await ana.page.getByRole("menu").waitFor();

  await ana.page.keyboard.press("h");
  await ana.page.keyboard.press("Escape");
  await ana.page.getByRole("menu").waitFor({ state: "hidden" });
  await ana.tool("Raise hand").waitFor();
  await ana.page.keyboard.press("h");
  await ana.tool("Lower hand").waitFor();
});

scenario(
  "a sheet on a phone takes the focus, closes with Escape and gives it back",
  async (meeting) => {
    const ana = await meeting.join("Ana", { viewport: { width: 390, height: 844 } });
    const focused = () => ana.page.evaluate(() => document.activeElement.textContent);
    await ana.tool("Chat").press("Enter");
    await ana.page.getByRole("complementary").waitFor();

    assert.equal(await focused(), "Chat");
    await ana.page.keyboard.press("Escape");
    await ana.page.getByRole("complementary").waitFor({ state: "hidden" });
    const name = await ana.page.evaluate(() => document.activeElement.getAttribute("aria-label"));
    assert.equal(name, "Chat");
  },
);

scenario("a microphone that is unplugged is replaced, said, and still heard", async (meeting) => {
  const ana = await meeting.open("Ana");
  await ana.page.addInitScript(() => {
    const made = [];
    const native = MediaDevices.prototype.getUserMedia;
    MediaDevices.prototype.getUserMedia = async function (constraints) {
      const stream = await native.call(this, constraints);
      made.push(...stream.getAudioTracks());
      return stream;
    };
    // What the browser does when the cable is pulled.
    window.unplugMicrophone = () => {
      for (const track of made.filter(({ readyState }) => readyState === "live")) {
        track.stop();
        track.dispatchEvent(new Event("ended"));
      }
    };
  });
  await ana.openLink(await meeting.link("Ana", { admin: true }));
  await ana.enter();
  const ben = await meeting.join("Ben");
  await untilHearing(ben.page, 1);

  await ana.page.evaluate(() => window.unplugMicrophone());
  await ana.page
    .getByText(/is gone\. .+ is used now/u)
    .first()
    .waitFor();
  await untilHearing(ben.page, 1);
});

scenario(
  "a camera chosen inside and unplugged is replaced, said, and still seen",
  async (meeting) => {
    const ana = await meeting.open("Ana");
    await ana.page.addInitScript(() => {
      const made = [];
      const gone = new Set();
      const { getUserMedia, enumerateDevices } = MediaDevices.prototype;
      MediaDevices.prototype.getUserMedia = async function (constraints) {
        if (gone.has(constraints?.video?.deviceId?.exact))
          throw new OverconstrainedError("deviceId");
        const stream = await getUserMedia.call(this, constraints);
        made.push(...stream.getVideoTracks());
        return stream;
      };
      MediaDevices.prototype.enumerateDevices = async function () {
        const all = await enumerateDevices.call(this);
        return all.filter(({ deviceId }) => !gone.has(deviceId));
      };
      const open = () => made.filter(({ readyState }) => readyState === "live");
      window.openCameras = () => open().map(({ label }) => label);
      // What the browser does when the cable is pulled; of a camera that is off nothing ends.
      window.unplugCamera = async (name) => {
        const all = await navigator.mediaDevices.enumerateDevices();
        for (const { deviceId, label } of all) if (label === name) gone.add(deviceId);
        for (const track of open().filter(({ label }) => label === name)) {
          track.stop();
          track.dispatchEvent(new Event("ended"));
        }
        navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
      };
    });
    const chooseCamera = async (name) => {
      await ana.button("Choose camera").click();
      await ana.page.getByRole("menuitemradio", { name }).click();
      await until(`${name} to be open alone`, async () => {
        const names = await ana.page.evaluate(() => window.openCameras());
        return names.length === 1 && names[0] === name;
      });
    };
    await ana.openLink(await meeting.link("Ana", { admin: true }));
    await ana.enter();
    const ben = await meeting.join("Ben");
    await untilSeeing(ben.page, 1);

    await chooseCamera("fake_device_4");
    await ana.page.evaluate(() => window.unplugCamera("fake_device_4"));
    await ana.page
      .getByText(/fake_device_4 is gone\. .+ is used now/u)
      .first()
      .waitFor();
    await untilSeeing(ben.page, 1);

    await chooseCamera("fake_device_5");
    await ana.turnCameraOff();
    await ana.page.evaluate(() => window.unplugCamera("fake_device_5"));
    await ana.turnCameraOn();
    await untilSeeing(ben.page, 1);
  },
);

scenario("what happens is still read out while a dialog is open", async (meeting) => {
  const ana = await meeting.join("Ana", { admin: true });
  await ana.tool("Leave").click();
  await ana.page.getByRole("dialog").waitFor();

  await meeting.join("Ben");
  const region = ana.page.locator("[aria-live=polite][role=status]");
  await until("Ben's arrival to be read out", async () =>
    /Ben joined/u.test(await region.textContent()),
  );
  assert.equal(await region.evaluate((element) => element.closest("[inert]")), null);
});

scenario(
  "the devices of the green room go on into the meeting without being opened again",
  async (meeting) => {
    const ana = await meeting.open("Ana");
    await ana.page.addInitScript(() => {
      window.opened = 0;
      const native = MediaDevices.prototype.getUserMedia;
      MediaDevices.prototype.getUserMedia = function (constraints) {
        window.opened += 1;
        return native.call(this, constraints);
      };
    });
    await ana.openLink(await meeting.link("Ana", { admin: true }));
    await ana.page.locator("#startupJoinModal video").waitFor();
    const before = await ana.page.evaluate(() => window.opened);
    await ana.enter();
    const ben = await meeting.join("Ben");
    await untilSeeing(ben.page, 1);
    await untilHearing(ben.page, 1);
    assert.equal(await ana.page.evaluate(() => window.opened), before);

    await ana.turnCameraOff();
    await ana.turnCameraOn();
    await ana.mute();
    await ana.unmute();
    await untilSeeing(ben.page, 1);
    await untilHearing(ben.page, 1);
  },
);
