import { Server } from "./lib/server.mjs";
import { World, closeBrowser } from "./lib/world.mjs";
const w = new World(await Server.start());
try {
  const ana = await w.join("Ana", { room: "r", admin: true, devices: false });
  const ben = await w.join("Ben", { room: "r", devices: false });
  const { page } = ana;
  const act = () => page.evaluate(() => { const e = document.activeElement; return [e.tagName, e.className, e.getAttribute("aria-label"), !!e.closest("[inert]"), !!e.closest("[role=dialog]")]; });
  await ana.showActionsFor("Ben"); await ana.button("Lock settings").click(); await page.getByRole("dialog").waitFor();
  console.log(await act());
  await page.waitForTimeout(500); console.log(await act(), await page.evaluate(() => document.querySelector(".meeting")?.closest("[inert]") !== null));
  await page.keyboard.press("Escape"); await page.waitForTimeout(300);
  console.log("dialogs", await page.getByRole("dialog").count(), "panel", await page.getByRole("complementary").count());
} finally { await w.dispose(); await closeBrowser(); }
