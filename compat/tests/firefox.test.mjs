// People who use Firefox and people who use Chromium in one meeting.
import { after, before } from "node:test";

import { untilHearing, untilSeeing, untilWay } from "../../e2e/lib/media.mjs";
import { scenario } from "../../e2e/lib/scenario.mjs";
import { lackingFirefox, launchFirefox } from "../lib/firefox.mjs";

// Firefox sends no media to the loopback address; it needs one of a network, on which the server listens too.
const options = { host: "0.0.0.0", skip: lackingFirefox() };
let firefox;

before(async () => {
  if (!options.skip) firefox = await launchFirefox();
});
after(() => firefox?.close());

/** Somebody who comes with Firefox; `script` runs in the page before its own code. */
async function joinWithFirefox(meeting, name, { admin = false, script } = {}) {
  // Firefox grants what it is asked for by its settings.
  const person = await meeting.open(name, { browser: firefox, permissions: [] });
  if (script) await person.page.addInitScript(script);
  await person.openLink(await meeting.link(name, { admin }));
  await enterWithFirefox(person);
  return person;
}

async function enterWithFirefox(person) {
  await person.button("Allow microphone and camera").click();
  await person.button("Allow microphone and camera").waitFor({ state: "hidden" });
  await person.enter();
}

async function seeAndHearEachOther(...people) {
  for (const person of people) {
    await untilSeeing(person.page, people.length - 1, { timeout: 60_000 });
    await untilHearing(person.page, people.length - 1, { timeout: 60_000 });
  }
}

/** Writes to everyone key by key; text as a whole does not arrive where Firefox has several windows. */
async function type(person, text) {
  await person.showChat();
  await person.page.bringToFront();
  await person.page.getByRole("textbox", { name: "Message", exact: true }).pressSequentially(text);
  person.written.push(text);
  await person.button("Send").click();
}

scenario(
  "Firefox and Chromium see and hear each other, whoever comes first",
  async (meeting) => {
    const fay = await joinWithFirefox(meeting, "Fay", { admin: true });
    const cleo = await meeting.join("Cleo");
    const finn = await joinWithFirefox(meeting, "Finn");

    await seeAndHearEachOther(fay, cleo, finn);
    await untilWay(fay.page, "UDP", (way) => way.protocol === "udp" && way.type !== "relay");
    await type(fay, "Good morning");
    await cleo.reads("Good morning");
    await cleo.write("Good morning, Fay");
    await finn.reads("Good morning, Fay");
  },
  options,
);

scenario(
  "a screen that is shared from one is seen in the other",
  async (meeting) => {
    const fay = await joinWithFirefox(meeting, "Fay", { admin: true, script: drawScreen });
    const cleo = await meeting.join("Cleo", { admin: true });
    await seeAndHearEachOther(fay, cleo);

    await fay.shareScreen();
    await cleo.sharedScreenOf("Fay").waitFor();
    await untilSeeing(cleo.page, 2);
    await fay.stopSharing();
    await cleo.sharedScreenOf("Fay").waitFor({ state: "detached" });

    await cleo.shareScreen();
    await fay.sharedScreenOf("Cleo").waitFor();
    await untilSeeing(fay.page, 2);
  },
  options,
);

scenario(
  "after a reload, and after the server was gone, Firefox is back in the meeting",
  async (meeting) => {
    const fay = await joinWithFirefox(meeting, "Fay", { admin: true });
    const cleo = await meeting.join("Cleo");
    await seeAndHearEachOther(fay, cleo);

    await fay.page.reload();
    await fay.tool("Leave").or(fay.joinButton).first().waitFor();
    if (await fay.joinButton.isVisible()) await enterWithFirefox(fay);
    await seeAndHearEachOther(fay, cleo);

    meeting.allowedProblems.push(/WebSocket|can.t establish|NetworkError|ERR_|Load failed/i);
    await meeting.server.kill();
    await meeting.server.launch();
    await seeAndHearEachOther(fay, cleo);
  },
  options,
);

for (const [way, script, fits] of [
  ["TCP", onlyTcp, ({ protocol, type }) => protocol === "tcp" && type !== "relay"],
  ["the relay", onlyRelay, ({ type }) => type === "relay"],
]) {
  scenario(
    `where nothing else gets through, media of Firefox goes over ${way}`,
    async (meeting) => {
      const fay = await joinWithFirefox(meeting, "Fay", { admin: true, script });
      const cleo = await meeting.join("Cleo");

      await seeAndHearEachOther(fay, cleo);
      await untilWay(fay.page, way, fits);
    },
    options,
  );
}

/** Runs in the page before its own code: a headless Firefox has no screen to choose, so there is one that is drawn. */
function drawScreen() {
  if (!navigator.mediaDevices) return;
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = document.createElement("canvas");
    const pen = canvas.getContext("2d");
    [canvas.width, canvas.height] = [1280, 720];
    let turn = 0;
    setInterval(() => {
      pen.fillStyle = `hsl(${(turn += 7) % 360} 80% 50%)`;
      pen.fillRect(0, 0, canvas.width, canvas.height);
    }, 100);
    return canvas.captureStream(10);
  };
}

/** Runs in the page before its own code: of the ways the server offers only those over TCP are there. */
function onlyTcp() {
  const { prototype } = RTCPeerConnection;
  const native = prototype.setRemoteDescription;
  prototype.setRemoteDescription = function ({ type, sdp }) {
    const isUdp = (line) => line.startsWith("a=candidate:") && / udp /i.test(line);
    const lines = sdp.split("\r\n").filter((line) => !isUdp(line));
    return native.call(this, { type, sdp: lines.join("\r\n") });
  };
  const add = prototype.addIceCandidate;
  prototype.addIceCandidate = async function (candidate) {
    if (!/ udp /i.test(candidate?.candidate ?? "")) return add.call(this, candidate);
  };
}

/** Runs in the page before its own code: nothing but relays is used. */
function onlyRelay() {
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(configuration) {
      super({ ...configuration, iceTransportPolicy: "relay" });
    }
  };
}
