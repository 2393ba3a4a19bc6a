import { Server } from "/work/wt/web-people/e2e/lib/server.mjs";
import { World, closeBrowser } from "/work/wt/web-people/e2e/lib/world.mjs";
import { inEveryLook, violations, overflow, clipped, LOOKS } from "/work/wt/web-people/e2e/lib/tour.mjs";
import { mkdir } from "node:fs/promises";
const out = "/tmp/shots"; await mkdir(out, { recursive: true });
const w = new World(await Server.start());
const only = process.argv.slice(2);
const shot = async (p, name, looks = ["light", "dark", "phone"]) => {
  await inEveryLook(p, looks, async (look) => {
    await p.page.screenshot({ path: `${out}/${name}-${look}.png` });
    const v = LOOKS[look].axe ? await violations(p.page) : [];
    const o = await overflow(p.page); const c = await clipped(p.page);
    if (v.length || o > 0 || c.length) console.log(name, look, v, o, c);
  });
};
try {
  await w.server.createRoom("r", { title: "Design review", features: { waiting_room_features: { is_active: true, waiting_room_msg: "We begin at ten." } } });
  const ana = await w.join("Ana", { room: "r", admin: true, devices: false });
  const { page } = ana;
  await ana.button("Host").click(); await page.getByRole("menu").waitFor(); await shot(ana, "host-menu"); await page.keyboard.press("Escape");
  await page.keyboard.press("l"); await page.getByRole("dialog").waitFor(); await shot(ana, "locks"); await page.keyboard.press("Escape");
  const ben = await w.open("Ben"); await ben.openLink(await w.link("Ben", { room: "r" })); await ben.joinButton.click();
  await ben.page.getByText("You are in the waiting room.", { exact: false }).first().waitFor();
  await ana.page.getByText(/Ben is waiting/).first().waitFor();
  await shot(ana, "waiting-toast", ["light", "phone"]);
  await ana.button("Show").click(); await page.getByRole("list", { name: /People waiting/ }).waitFor(); await shot(ana, "waiting");
  await ana.button("Let Ben in").click(); await ben.tool("Leave").waitFor();
  await ana.showPeople(); await ana.showActionsFor("Ben"); await shot(ana, "person-menu"); await page.keyboard.press("Escape");
  await ana.showActionsFor("Ben"); await ana.button("Lock settings").click(); await page.getByRole("dialog").waitFor(); await shot(ana, "locks-ben"); await page.keyboard.press("Escape");
  await ben.page.keyboard.press("l"); await ben.page.getByRole("dialog").waitFor(); await shot(ben, "locks-mine"); await ben.page.keyboard.press("Escape");
  await ana.showActionsFor("Ben"); await ana.button("Remove from the meeting").click(); await page.getByRole("dialog").waitFor(); await shot(ana, "remove"); await page.keyboard.press("Escape");
  await ben.raiseHand(); await ana.seesHandOf("Ben", { raised: true });
  await ana.tool("React").click(); await page.getByRole("button", { name: "Celebrating" }).waitFor(); await shot(ana, "react", ["light", "dark"]);
  await page.getByRole("button", { name: "Celebrating" }).click(); await page.keyboard.press("Escape");
  await ben.tool("React").click(); await ben.page.getByRole("button", { name: "Heart" }).click();
  await page.getByText("❤️").first().waitFor(); await shot(ana, "reactions", ["light"]);
  await ana.tool("Host.*").click(); await page.getByRole("menuitem", { name: "Show a web page…" }).click(); await page.getByRole("dialog").waitFor(); await shot(ana, "link-dialog"); await page.keyboard.press("Escape");
  await ana.tool("Host.*").click(); await page.getByRole("menuitem", { name: "Mute everyone…" }).click(); await page.getByRole("dialog").waitFor(); await shot(ana, "mute-all"); await page.keyboard.press("Escape");
  await ana.tool("Host.*").click(); await page.getByRole("menuitem", { name: "Blocked people" }).click(); await page.getByRole("dialog").waitFor(); await shot(ana, "blocked", ["light"]); await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^Notifications/ }).click(); await page.getByText("Hear of raised", { exact: false }).waitFor(); await shot(ana, "notices"); await page.keyboard.press("Escape");
  await page.setViewportSize({ width: 390, height: 844 }); await ana.button("Close").click(); await ana.tool("More").click(); await page.getByRole("menu").waitFor(); await shot(ana, "phone-more", ["phone", "phone-dark"]);
  console.log(ana.problems, ben.problems);
} catch (e) { console.log(e); await w.people[0]?.page.screenshot({ path: `${out}/fail.png` }); }
finally { await w.dispose(); await closeBrowser(); }
