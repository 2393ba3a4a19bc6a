// A walk over every screen, for the accessibility test and for the pictures in the documents.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { humInsteadOfBeeping, untilSeeing } from "./media.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

/** How one screen is looked at. `axe` where its rules can find something the other looks do not show. */
export const LOOKS = {
  light: { colorScheme: "light", viewport: DESKTOP, axe: true },
  dark: { colorScheme: "dark", viewport: DESKTOP, axe: true },
  phone: { colorScheme: "light", viewport: PHONE, axe: true },
  "phone-dark": { colorScheme: "dark", viewport: PHONE },
  // A phone on its side: room for no more than a tablet's width, and for little else.
  landscape: { colorScheme: "light", viewport: { width: 780, height: 390 } },
  narrow: { colorScheme: "light", viewport: { width: 360, height: 640 } },
  // What zooming to 200 % leaves of a laptop's window.
  zoomed: { colorScheme: "light", viewport: { width: 640, height: 400 } },
};

/** For what a phone has elsewhere or not at all. */
const WIDE = ["light", "dark"];

/** Somebody is looked at in one way after another, without touching what is open, and ends as they began. */
export async function inEveryLook(person, names, visit) {
  const { page } = person;
  for (const name of names) {
    const { colorScheme, viewport } = LOOKS[name];
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await park(page);
    await visit(name);
  }
  await page.setViewportSize(DESKTOP);
  await page.emulateMedia({ colorScheme: "light" });
}

/** Takes the pointer to where nothing answers to it, and waits until what was drawn is on the screen. */
async function park(page) {
  await page.mouse.move(1, 1);
  await page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
  );
}

/** Calls `look(screen, person)` on each screen on the way in: alone, waiting, turned away. */
export async function tourOfArriving(world, look) {
  const ana = await world.open("Ana");
  await ana.openFrontDoor();
  await ana.button("Start meeting").waitFor();
  await look("front-door", ana);
  await ana.startMeeting("Ana");
  await look("green-room", ana);
  await ana.enter();
  await look("alone", ana);
  const link = await ana.inviteLink();
  await ana.button("Invite").click();
  await ana.page.getByRole("dialog").waitFor();
  await look("invite", ana);
  await ana.page.keyboard.press("Escape");

  const ben = await world.open("Ben");
  await ben.page.goto(link);
  await ben.button("Join meeting").waitFor();
  await look("join", ben);
  await ben.page.goto(`${world.origin}/?access_token=not.a.token`);
  await ben.ended(/does not work/i);
  await look("error", ben);

  await ana.leave();
  await look("left", ana);

  await world.server.createRoom("lobby", {
    title: "Board meeting",
    features: {
      waiting_room_features: {
        is_active: true,
        waiting_room_msg: "We are finishing the call before yours.",
      },
    },
  });
  await ben.openLink(await world.link("Ben", { room: "lobby" }));
  await ben.joinButton.click();
  await ben.page.getByText("You are in the waiting room.", { exact: false }).first().waitFor();
  await look("waiting", ben);
}

/** Calls `look(screen, person, [looks])` on everything there is to see in a meeting of two, then three. */
export async function tourOfMeeting(world, look) {
  const room = "tour";
  await world.server.createRoom(room, { title: "Design review" });
  const ana = await world.join("Ana", { room, admin: true });
  const { page } = ana;
  const ben = await world.open("Ben");
  await ben.page.addInitScript(humInsteadOfBeeping);
  await ben.openLink(await world.link("Ben", { room, admin: true }));
  await ben.enter();
  await untilSeeing(page, 1);
  await look("two", ana);

  const cleo = await world.join("Cleo", { room });
  await untilSeeing(page, 2);
  await page.locator("figure[data-speaking=true]").first().waitFor();
  await look("meeting", ana);

  await ana.write("Good morning! The agenda is in the first message.");
  await cleo.write("Good morning. I have two questions about the budget.");
  await ana.reads("Good morning. I have two questions about the budget.");
  await look("chat", ana);

  await ben.raiseHand();
  await cleo.mute();
  await cleo.turnCameraOff();
  await ana.seesHandOf("Ben", { raised: true });
  await ana.tile("Cleo").getByText("Muted").waitFor();
  await look("people", ana);
  await ana.showActionsFor("Ben");
  await look("person-menu", ana);
  await page.keyboard.press("Escape");

  await ana.showPeople();
  await ana.button("Close").click();
  await ben.shareScreen();
  await ana.sharedScreenOf("Ben").waitFor();
  await look("shared-screen", ana);
  await ben.stopSharing();
  await ana.shareScreen();
  await page.getByText("You are sharing your screen.").first().waitFor();
  await look("own-share", ana);
  await ana.stopSharing();

  await openMenu(ana, "Choose microphone");
  await look("device-menu", ana, WIDE);
  await page.keyboard.press("Escape");
  await openMenu(ana, "View");
  await look("view-menu", ana, WIDE);
  await page.getByRole("menuitemradio", { name: "Speaker large" }).click();
  await look("speaker", ana);
  await openMenu(ana, "More");
  await look("more-menu", ana);
  await page.getByRole("menuitem", { name: "Settings" }).click();
  await page.getByRole("dialog").waitFor();
  await look("settings", ana);
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await look("shortcuts", ana);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await page.getByRole("button", { name: /^Connected/ }).click();
  await page.getByText("There and back").waitFor();
  await look("connection", ana);
  await page.keyboard.press("Escape");

  await ana.tool("Leave").click();
  await page.getByRole("dialog").waitFor();
  await look("leave", ana);
  await page.keyboard.press("Escape");
  await ana.endForEveryone();
  await look("ended", ana);
  await ben.ended();
  await look("ended-by-host", ben);
}

/** Calls `look(screen, person, [looks])` on everything hosts do, and on what it looks like to the others. */
export async function tourOfHosting(world, look) {
  const room = "hosting";
  await world.server.createRoom(room, {
    title: "Design review",
    features: {
      waiting_room_features: { is_active: true, waiting_room_msg: "We begin at ten." },
    },
    metadata: { default_lock_settings: { lock_screen_sharing: false } },
  });
  const permissions = ["camera", "microphone", "notifications"];
  const ana = await world.join("Ana", { room, admin: true, permissions });
  const { page } = ana;
  const dialog = page.getByRole("dialog");
  const ben = await world.open("Ben");
  const cleo = await world.open("Cleo");
  for (const person of [ben, cleo]) {
    await person.openLink(await world.link(person.name, { room }));
    await person.joinButton.click();
    await person.shows("We begin at ten.").waitFor();
  }
  await openMenu(ana, "Host.*");
  await look("host-menu", ana, WIDE);
  await page.getByRole("menuitem", { name: "Waiting room (2)" }).click();
  await page.getByRole("list", { name: "People waiting, first come first" }).waitFor();
  await look("waiting-room", ana);
  await page.getByRole("button", { name: "Let all 2 in" }).click();
  await page.getByText("Nobody is waiting.").waitFor();
  for (const person of [ben, cleo]) await person.tool("Leave").waitFor();

  await page.keyboard.press("l");
  await ana.setLock("Camera", true);
  await look("locks", ana);
  await ana.closeDialog();
  await ana.does("Ben", "Lock settings");
  await ana.setLock("Camera", false);
  await ana.setLock("Private messages", true);
  await look("locks-of-one", ana);
  await ana.closeDialog();
  await ben.page.keyboard.press("l");
  await ben.shows("A host has unlocked this for you").waitFor();
  await look("locks-of-mine", ben);
  await ben.closeDialog();
  await ana.showActionsFor("Ben");
  await look("host-person-menu", ana, WIDE);
  await ana.button("Remove from the meeting").click();
  await dialog.waitFor();
  await look("remove", ana);
  await ana.closeDialog();
  await ana.does("Ben", "Ask to turn camera on");
  await ben.page.getByText("Ana asks you to turn your camera on.").first().waitFor();
  await look("asked", ben);

  await cleo.raiseHand();
  await ana.seesHandOf("Cleo", { raised: true });
  await ben.raiseHand();
  await ana.seesHandOf("Ben", { raised: true });
  await look("hands", ana);
  await ana.button("Close").click();
  await ana.tool("React").click();
  await ana.button("Celebrating").waitFor();
  await look("react", ana, WIDE);
  await ana.button("Celebrating").click();
  await page.keyboard.press("Escape");
  for (const what of ["Mute everyone…", "Show a web page…", "Blocked people"]) {
    await openMenu(ana, "Host.*");
    await page.getByRole("menuitem", { name: what }).click();
    await dialog.waitFor();
    await look(
      what
        .toLowerCase()
        .replace(/[^a-z]+/gu, "-")
        .replace(/-$/u, ""),
      ana,
    );
    await ana.closeDialog();
  }
  await openMenu(ana, "Host.*");
  await page.getByRole("menuitem", { name: "Show a web page…" }).click();
  await page.getByRole("textbox", { name: "Address" }).fill("https://page.example");
  await dialog.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByRole("heading", { name: "Ana shows a page from page.example" }).waitFor();
  await look("shown-page", ana);
  await ana.button("Stop showing it").click();
  await ana.does("Cleo", "Show large to everyone");
  await ben.page.locator(".tile", { hasText: "in the spotlight" }).waitFor();
  await look("spotlight", ben);
  await openMenu(ana, "Host.*");
  await page.getByRole("menuitem", { name: "Quiet everything now" }).click();
  await ana.button("Put back as it was").waitFor();
  await look("paused", ana);
  await look("paused-for-others", ben);
  // On a phone a panel is a sheet over everything, and what was open beside it goes.
  await page.getByRole("complementary").getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: /^Notifications/ }).click();
  await page.getByText("Hear of raised hands", { exact: false }).waitFor();
  await look("notifications", ana);
  await page.getByRole("region", { name: "Notifications" }).waitFor();
}

async function openMenu(person, name) {
  await person.tool(name).click();
  await person.page.getByRole("menu").waitFor();
}

/** Calls `look(screen, person)` for somebody who reads from right to left. Letters open what words would. */
export async function tourInArabic(world, look) {
  const room = "arabic";
  await world.server.createRoom(room, { title: "اجتماع التصميم" });
  const ben = await world.join("Ben", { room, admin: true });
  const laila = await world.open("ليلى", { locale: "ar" });
  const { page } = laila;
  await laila.openFrontDoor();
  await page.locator(".front-main").waitFor();
  await look("front-door", laila);
  await laila.openLink(await world.link("ليلى", { room, id: "laila" }));
  await look("green-room", laila);
  await laila.joinButton.click();
  await page.locator("figure").nth(1).waitFor();
  await untilSeeing(page, 1);
  await look("meeting", laila);
  await ben.write("صباح الخير");
  await page.keyboard.press("p");
  await page.getByRole("complementary").waitFor();
  await look("people", laila);
  await page.keyboard.press("c");
  await page.getByText("صباح الخير").first().waitFor();
  await look("chat", laila);
  await page.keyboard.press("Escape");
  await page.keyboard.press(",");
  await page.getByRole("dialog").waitFor();
  await look("settings", laila);
  await page.keyboard.press("Escape");
  await ben.endForEveryone();
  await page.locator("#errorPage").waitFor();
  await look("ended", laila);
}

/** The same for a host who reads from right to left. */
export async function tourOfHostingInArabic(world, look) {
  const room = "arabic-hosting";
  await world.server.createRoom(room, {
    title: "اجتماع التصميم",
    features: { waiting_room_features: { is_active: true, waiting_room_msg: "لحظة من فضلكم." } },
  });
  const laila = await world.open("ليلى", { locale: "ar" });
  const { page } = laila;
  await laila.openLink(await world.link("ليلى", { room, id: "laila", admin: true }));
  await laila.joinButton.click();
  await page.locator(".toolbar").waitFor();
  const ben = await world.open("Ben");
  await ben.openLink(await world.link("Ben", { room }));
  await ben.joinButton.click();
  await ben.shows("لحظة من فضلكم.").waitFor();
  // The notice offers the panel.
  await page.locator(".notice-action").click();
  await page.locator(".waiting-row").waitFor();
  await look("waiting-room", laila);
  await page.locator(".waiting-admit").click();
  await ben.tool("Leave").waitFor();
  await page.keyboard.press("l");
  await page.getByRole("switch").nth(9).waitFor();
  await look("locks", laila);
  await page.keyboard.press("Escape");
  await page.keyboard.press("p");
  await page.locator(".person-menu button").last().click();
  await page.locator(".person-volume").waitFor();
  await look("host-person-menu", laila, ["light"]);
  await page.keyboard.press("Escape");
  await ben.raiseHand();
  await page.locator(".hands").waitFor();
  await look("hands", laila);
}

/** What axe finds wrong on the page as it is, one line per rule. */
export async function violations(page) {
  // evaluated rather than added as an element, which the page's own policy rightly refuses
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  return page.evaluate(async () => {
    // These catch the focus at a popup's edges and pass it on at once: hidden and focusable is what they are for.
    const guards = { exclude: ["[data-headlessui-focus-guard]"] };
    const { violations } = await axe.run(guards, { resultTypes: ["violations"] });
    const colours = ({ any: [{ data } = {}] }) =>
      data?.contrastRatio ? ` (${data.fgColor} on ${data.bgColor})` : "";
    // What opens over the page belongs to the button that opened it and not to a landmark.
    const inPopup = ({ target }) =>
      document.querySelector(target[0])?.closest("#headlessui-portal-root");
    return violations
      .map((rule) => ({
        ...rule,
        nodes: rule.nodes.filter((node) => rule.id !== "region" || !inPopup(node)),
      }))
      .filter(({ nodes }) => nodes.length > 0)
      .map(
        ({ id, impact, nodes }) =>
          `${id} (${impact}): ${nodes.map((node) => `${node.target.join(" ")}${colours(node)}`).join(", ")}`,
      );
  });
}

/** How many pixels the page is wider than the window. */
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}

/**
 * What can be pressed or must be read and is cut off by the window's edge or by what it stands in. What scrolls may
 * be scrolled to, and a name that ends in dots says so itself.
 */
export function clipped(page) {
  return page.evaluate(() => {
    const found = [];
    const scrolls = (style) => /auto|scroll/.test(`${style.overflowX} ${style.overflowY}`);
    const wanted = "button, input, select, textarea, h1, h2, .chip, .notice, [role^=menuitem]";
    for (const element of document.querySelectorAll(wanted)) {
      const box = element.getBoundingClientRect();
      if (box.width <= 1 || !element.checkVisibility({ visibilityProperty: true })) continue;
      let frame = { left: 0, top: 0, right: window.innerWidth, bottom: window.innerHeight };
      for (let up = element.parentElement; up; up = up.parentElement) {
        const style = getComputedStyle(up);
        if (scrolls(style)) {
          frame = null;
          break;
        }
        if (style.position === "fixed") break;
      }
      // The page itself scrolls where a screen is a page.
      if (!frame || document.documentElement.scrollHeight > window.innerHeight) continue;
      const beyond = Math.max(
        frame.left - box.left,
        box.right - frame.right,
        frame.top - box.top,
        box.bottom - frame.bottom,
      );
      const name = element.getAttribute("aria-label") ?? element.textContent.slice(0, 40);
      if (beyond > 1) found.push(`"${name}" is ${Math.round(beyond)} px out of the window`);
      const style = getComputedStyle(element);
      if (style.overflowX === "hidden" && style.textOverflow !== "ellipsis") {
        if (element.scrollWidth > element.clientWidth + 1) found.push(`"${name}" is cut off`);
      }
    }
    return found;
  });
}
