// A browser with the autoplay policy that people have. Sound processing made before the microphone is open sleeps in it.
import assert from "node:assert/strict";
import test from "node:test";

import { launchChromium } from "../lib/chromium.mjs";
import { untilHearing } from "../lib/media.mjs";
import { Person } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { until } from "../lib/until.mjs";

test("with the usual autoplay policy the level meter moves and the others are heard", async () => {
  const server = await Server.start();
  const browser = await launchChromium({ freeAutoplay: false });
  try {
    await server.createRoom("quiet");
    const enter = async (name) => {
      const token = await server.token("quiet", { id: name, name });
      const person = await Person.open(browser, name, server.origin);
      await person.openLink(`${server.origin}/?access_token=${token}`);
      return person;
    };
    const ana = await enter("Ana");
    const meter = ana.page.getByRole("meter", { name: "Microphone level" });
    await until("the meter to move", async () => (await meter.getAttribute("aria-valuenow")) > 0);
    await ana.enter();

    const ben = await enter("Ben");
    await ben.enter();
    await untilHearing(ben.page, 1);
    assert.deepEqual([...ana.problems, ...ben.problems], []);
  } finally {
    await browser.close();
    await server.dispose();
  }
});
