// What somebody is doing when a meeting ends is in its record: the media plane tells it when it closes the room, which is after
// everybody was told.
import assert from "node:assert/strict";

import { until } from "../../e2e/lib/until.mjs";
import { untilTold, withBrowser } from "../lib/livekit-page.mjs";
import { mediaAccess } from "../lib/media-access.mjs";
import { withServer } from "../lib/meeting.mjs";
import test from "../lib/test.mjs";

const scene = withServer();
const browser = withBrowser();

/** A counted meeting in which ana speaks without a pause. */
async function speaking() {
  const room = await scene.room({ features: { enable_analytics: true } });
  const ana = await scene.inside(room, "ana", { admin: true });
  const page = await browser.join(await mediaAccess(ana));
  await page.evaluate(() => speakOn());
  await untilTold(page, /^ActiveSpeakersChanged ana$/);
  return { room, ana, page };
}

/** What the record of the only session of a room says of how ana's media did. */
async function told(room) {
  const { server } = scene;
  const id = await until("the record", async () => {
    const { body } = await server.api("/artifact/fetch", { room_ids: [room] });
    return body.result?.artifacts_list?.[0]?.artifact_id;
  });
  const { body: granted } = await server.api("/analytics/getDownloadToken", { file_id: id });
  const file = await fetch(`${server.origin}/download/analytics/${granted.token}`);
  const { users } = await file.json();
  return JSON.parse(users.find((user) => user.user_id === "ana").extra_data).plenum;
}

test("who speaks until the end of a meeting is in its record", async () => {
  const { room, page } = await speaking();

  await scene.server.api("/room/endRoom", { room_id: room });

  await untilTold(page, /^Disconnected/);
  const { talked, connected } = await told(room);
  assert.equal(talked.times, 1);
  assert.ok(talked.milliseconds > 0);
  assert.equal(connected.length, 1);
});

test("so is who is in a meeting that ends because nobody is at its door any more", async () => {
  const { room, ana, page } = await speaking();
  await ana.leave();

  await scene.server.api("/room/endRoom", { room_id: room });

  await untilTold(page, /^Disconnected/);
  assert.equal((await told(room)).talked.times, 1);
});
