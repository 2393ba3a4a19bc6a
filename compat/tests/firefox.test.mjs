// People who use Firefox and people who use Chromium in one meeting.
import { after, before } from "node:test";

import { untilHearing, untilSeeing, untilWay } from "../../e2e/lib/media.mjs";
import { scenario } from "../../e2e/lib/scenario.mjs";
import { lackingFirefox, launchFirefox } from "../lib/firefox.mjs";

const skip = lackingFirefox();
let firefox;

before(async () => {
  if (!skip) firefox = await launchFirefox();
});
after(() => firefox?.close());

/** Somebody with Firefox, which grants what it is asked for by its settings. */
function withFirefox(options) {
  return { browser: firefox, permissions: [], ...options };
}

async function seeAndHearEachOther(...people) {
  for (const person of people) {
    await untilSeeing(person.page, people.length - 1, { timeout: 60_000 });
    await untilHearing(person.page, people.length - 1, { timeout: 60_000 });
  }
}

scenario(
  "Firefox and Chromium see and hear each other, whoever comes first",
  async (meeting) => {
    const fay = await meeting.join("Fay", withFirefox({ admin: true }));
    const cleo = await meeting.join("Cleo");
    const finn = await meeting.join("Finn", withFirefox());

    await seeAndHearEachOther(fay, cleo, finn);
    await untilWay(fay.page, "UDP", (way) => way.protocol === "udp" && way.type !== "relay");
    await fay.write("Good morning");
    await cleo.reads("Good morning");
    await cleo.write("Good morning, Fay");
    await finn.reads("Good morning, Fay");
  },
  { skip },
);

scenario(
  "a screen that is shared from one is seen in the other",
  async (meeting) => {
    const fay = await meeting.open("Fay", withFirefox());
    await fay.page.addInitScript(drawScreen);
    await fay.openLink(await meeting.link("Fay", { admin: true }));
    await fay.enter();
    const cleo = await meeting.join("Cleo");
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
  { skip },
);

scenario(
  "after a reload, and after the server was gone, Firefox is back in the meeting",
  async (meeting) => {
    const fay = await meeting.join("Fay", withFirefox({ admin: true }));
    const cleo = await meeting.join("Cleo");
    await seeAndHearEachOther(fay, cleo);

    await fay.page.reload();
    await fay.tool("Leave").or(fay.joinButton).first().waitFor();
    if (await fay.joinButton.isVisible()) await fay.enter();
    await seeAndHearEachOther(fay, cleo);

    meeting.allowedProblems.push(/WebSocket|Firefox can.t establish|NetworkError|ERR_/i);
    await meeting.server.kill();
    await meeting.server.launch();
    await seeAndHearEachOther(fay, cleo);
  },
  { skip },
);

for (const [way, script, fits] of [
  ["TCP", onlyTcp, ({ protocol, type }) => protocol === "tcp" && type !== "relay"],
  ["the relay", onlyRelay, ({ type }) => type === "relay"],
]) {
  scenario(
    `where nothing else gets through, media of Firefox goes over ${way}`,
    async (meeting) => {
      const fay = await meeting.open("Fay", withFirefox());
      await fay.page.addInitScript(script);
      await fay.openLink(await meeting.link("Fay", { admin: true }));
      await fay.enter();
      const cleo = await meeting.join("Cleo");

      await seeAndHearEachOther(fay, cleo);
      await untilWay(fay.page, way, fits);
    },
    { skip },
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
