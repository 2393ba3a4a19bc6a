// The operator's view of media: true figures of a real meeting, on a page that reads well in any look.
import assert from "node:assert/strict";

import { Looks } from "../lib/looks.mjs";
import { scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

const MEASURED_MS = 60_000;

scenario("the operator sees who sends and receives what, and nobody else does", async (meeting) => {
  const { key, secret } = meeting.server.setup;
  const ana = await meeting.join("Ana", { admin: true });
  await meeting.join("Ben");
  const url = `${meeting.origin}/debug/rooms`;
  assert.equal((await fetch(url)).status, 401);

  const login = { authorization: `Basic ${Buffer.from(`${key}:${secret}`).toString("base64")}` };
  const room = await until(
    "figures of both directions",
    async () => {
      const report = await (await fetch(`${url}.json?room=meeting`, { headers: login })).json();
      const measured = report.participants?.filter(
        (one) =>
          one.connections[0].state === "connected" &&
          one.connections[0].transport &&
          one.connections[0].bytes_in > 0 &&
          one.received.some(({ flow }) => flow.bps > 0),
      );
      return measured?.length === 2 && report;
    },
    { timeout: MEASURED_MS },
  );
  const [first] = room.participants;
  assert.deepEqual(
    room.participants.map(({ identity }) => identity),
    ["ana", "ben"],
  );
  assert.ok(first.published.some(({ source }) => source === "microphone"));
  assert.ok(!JSON.stringify(room).includes("Ana"), "names are nobody's business here");

  const operator = await meeting.open("Operator", { extraHTTPHeaders: login });
  const looks = new Looks();
  await operator.page.goto(url);
  await looks.at("debug-rooms", operator);
  await operator.page.getByRole("link", { name: "meeting" }).click();
  await operator.page.getByRole("heading", { name: "meeting", level: 1 }).waitFor();
  await looks.at("debug-room", operator);

  await operator.page.getByRole("checkbox", { name: /Follow/ }).check();
  await ana.leave();
  await operator.page
    .getByRole("heading", { name: "ana", level: 2 })
    .waitFor({ state: "detached" });
  await operator.page.getByRole("heading", { name: "ben", level: 2 }).waitFor();
  looks.done();
});
