// A film that everybody watches together: uploaded, led by the presenter, followed by the others, also by who comes late.
import assert from "node:assert/strict";

import { fromMore } from "../lib/activities.mjs";
import { makeFilm, secondShown } from "../lib/film.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

const FILES = { chat_features: { is_allow: true, is_allow_file_upload: true } };
const LENGTH_S = 40;
/** Nobody notices that others are this much ahead. */
const TOGETHER_S = 0.5;

const video = ({ page }) => page.getByRole("region", { name: "Shared video" }).locator("video");
const look = (person) =>
  video(person).evaluate(({ currentTime, paused, playbackRate }) => ({
    at: currentTime,
    paused,
    rate: playbackRate,
  }));

/** Waits until two players show the same second of the film. */
function untilTogether(leader, follower) {
  return until(`${follower.name} to see what ${leader.name} sees`, async () => {
    const [one, other] = await Promise.all([look(leader), look(follower)]);
    const apart = Math.abs(one.at - other.at);
    if (apart < TOGETHER_S && one.paused === other.paused) return true;
    throw new Error(JSON.stringify({ one, other }));
  });
}

/** Ana has put on a film for herself and Ben. */
async function inCinema(meeting) {
  await meeting.server.createRoom("cinema", { title: "Design review", features: FILES });
  const ana = await meeting.join("Ana", { admin: true, room: "cinema", devices: false });
  const ben = await meeting.join("Ben", { room: "cinema", devices: false });
  const film = await makeFilm(ana.page, LENGTH_S);

  await fromMore(ana, "Play a video");
  await ana.page
    .getByTestId("player-file")
    .setInputFiles({ name: "film.webm", mimeType: "video/webm", buffer: film });
  return { ana, ben };
}

scenario("a film is watched at the same second by all, whenever they come", async (meeting) => {
  const { ana, ben } = await inCinema(meeting);
  await video(ana).waitFor();
  await video(ben).waitFor();
  assert.equal(await video(ana).evaluate(({ controls }) => controls), true);
  assert.equal(await video(ben).evaluate(({ controls }) => controls), false, "only one leads");
  await until("the film to have its length", () =>
    video(ben).evaluate(({ duration }, length) => duration === length, LENGTH_S),
  );
  assert.equal((await look(ben)).paused, true, "nothing plays before the presenter says so");

  await video(ana).evaluate((element) => element.play());
  await until("Ben's player to run", async () => (await look(ben)).at > 0.5);
  await untilTogether(ana, ben);

  await video(ana).evaluate((element) => void (element.currentTime = 20));
  await until("Ben to be past the cut", async () => (await look(ben)).at > 19);
  await untilTogether(ana, ben);

  const cleo = await meeting.join("Cleo", { room: "cinema", devices: false });
  await until("Cleo to see the film", async () => (await look(cleo)).at > 19);
  await untilTogether(ana, cleo);

  await video(ana).evaluate((element) => element.pause());
  await until("all to stand still", async () => {
    const all = await Promise.all([ana, ben, cleo].map(look));
    return all.every(({ paused }) => paused);
  });
  await untilTogether(ana, ben);
  await untilTogether(ana, cleo);
  const shown = await Promise.all([ana, ben, cleo].map((person) => secondShown(video(person))));
  const second = Math.floor((await look(ana)).at);
  for (const [seat, seen] of shown.entries()) {
    assert.ok(Math.abs(seen - second) <= 1, `${seat} shows second ${seen}, not ${second}`);
  }

  const dan = await meeting.join("Dan", { room: "cinema", devices: false });
  await until("Dan to be where the others wait", async () => (await look(dan)).at > 19);
  await untilTogether(ana, dan);

  await ana.button("Stop the video").click();
  for (const person of [ana, ben, cleo, dan]) await video(person).waitFor({ state: "detached" });
});

scenario("who drifts away catches up or jumps, without anybody doing anything", async (meeting) => {
  const { ana, ben } = await inCinema(meeting);
  await video(ben).waitFor();
  await video(ana).evaluate((element) => element.play());
  await until("Ben's player to run", async () => (await look(ben)).at > 2);
  await untilTogether(ana, ben);

  // A second behind is caught up with: a little faster, without a jump.
  await video(ben).evaluate((element) => void (element.currentTime -= 1));
  await until("Ben's player to hurry", async () => (await look(ben)).rate > 1);
  await untilTogether(ana, ben);

  await video(ben).evaluate((element) => void (element.currentTime = 0));
  await until("Ben to be back", async () => {
    const [leader, follower] = await Promise.all([look(ana), look(ben)]);
    return follower.at > 1 && Math.abs(leader.at - follower.at) < TOGETHER_S;
  });
});
