// The green room says how the line does before anybody has joined, and nobody inside hears of it.
import assert from "node:assert/strict";

import { Looks } from "../lib/looks.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

/** An address that is nobody's (RFC 5737): nothing sent there is ever answered. */
const NOWHERE = "192.0.2.1";

const lineOf = (person, state) => person.button(`Your connection ${state}`);

/** In front of the door. */
async function atTheDoor(meeting, name, how) {
  const person = await meeting.open(name, how);
  await person.openLink(await meeting.link(name));
  return person;
}

scenario("a good line is said by itself, and shown in detail to whoever asks", async (meeting) => {
  await meeting.join("Ana", { admin: true, devices: false });
  const ben = await atTheDoor(meeting, "Ben");
  const looks = new Looks();

  await lineOf(ben, "Good").waitFor();
  await looks.at("connection", ben);
  await ben.tabTo("Your connectionGood");
  await ben.page.keyboard.press("Enter");
  const details = ben.page.getByRole("region", { name: "Your connection" });
  await details.getByText("Directly, over UDP").waitFor();
  await details.getByText(/Answered after \d+ ms/).waitFor();
  await details
    .getByText(/\d Mbit\/s/)
    .nth(1)
    .waitFor();
  assert.equal(await details.getByText("Allowed").count(), 2);
  await looks.at("connection-details", ben);
  await details.getByRole("button", { name: "Copy report" }).click();
  await details.getByRole("button", { name: "Copied" }).waitFor();
  const report = JSON.parse(await ben.page.evaluate(() => navigator.clipboard.readText()));
  assert.equal(report.verdict, "direct");
  assert.deepEqual(report.media.map(({ by, works }) => [by, works]).toSorted(), [
    ["tcp", true],
    ["udp", true],
  ]);
  assert.ok(report.bitsPerSecond.down > 0 && report.bitsPerSecond.up > 0);

  // Nothing of it is left, and nobody joined any media.
  const connected = await ben.page.evaluate(
    () => window.__peerConnections.filter((pc) => pc.signalingState !== "closed").length,
  );
  assert.equal(connected, 0);
  const { sessions } = await mediaOf(meeting);
  assert.equal(sessions, 1, "Ana alone");

  await details.getByRole("button", { name: "Check again" }).click();
  await lineOf(ben, "Good").waitFor();
  await ben.enter();
  await ben.sees("Ana");
  await until("the relay to be left alone", async () => (await mediaOf(meeting)).relayed === 0, {
    timeout: 30_000,
  });
  looks.done();
});

scenario(
  "a network that lets no media through is told from others, with what to ask for",
  async (meeting) => {
    meeting.allowedProblems.push(/ERR_|WebSocket/);
    const ben = await atTheDoor(meeting, "Ben");
    // Nobody waits for that.
    assert.equal(await ben.joinButton.isEnabled(), true);
    await lineOf(ben, "No sound or picture").waitFor();
    const looks = new Looks();
    await looks.at("connection-blocked", ben, ["light", "dark", "phone", "narrow"]);
    const { port } = meeting.server.setup;
    await ben.shows(`Ask whoever runs the network to allow UDP to ${NOWHERE}:${port}.`).waitFor();
    looks.done();
  },
  { config: `plenum:\n  media:\n    advertise: ["${NOWHERE}"]\n` },
);

/** What the media server counts. */
async function mediaOf(meeting) {
  const text = await (await fetch(`${meeting.server.origin}/metrics`)).text();
  const value = (name) =>
    Number(new RegExp(`^(?:plenum_)?${name} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
  return { sessions: value("media_sessions"), relayed: value("media_turn_allocations") };
}
