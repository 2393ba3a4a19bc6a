// What only a real browser can show: history, focus, keys held down, and what is read out.
import assert from "node:assert/strict";

import { scenario } from "../lib/scenario.mjs";

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
