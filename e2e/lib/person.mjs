// One person in a browser of their own, and every name of the client that the tests rely on. When a label changes in
// the client, it changes here and nowhere else.
import { cameraOf, rememberPeerConnections, SMALL_CAMERA, useOwnCamera } from "./media.mjs";

const DESKTOP = { width: 1280, height: 800 };
const ACTION_TIMEOUT_MS = 15_000;
const JOIN_TIMEOUT_MS = 30_000;
/** More stops than any screen has, once around included. */
const MOST_TABS = 80;

export class Person {
  console = [];
  problems = [];
  strayed = [];
  /** Everything said in the chat. */
  written = [];

  constructor(name, context, page, origin) {
    this.name = name;
    this.context = context;
    this.page = page;
    this.origin = origin;
  }

  /**
   * Opens a browser context that watches for console errors and for requests that leave the origin. With `largeCamera` the
   * page gets pictures as large as it wants.
   */
  static async open(
    browser,
    name,
    origin,
    { viewport = DESKTOP, seat = 0, largeCamera = false, ...options } = {},
  ) {
    const context = await browser.newContext({
      viewport,
      locale: "en-GB",
      reducedMotion: "reduce",
      permissions: ["camera", "microphone", "clipboard-read", "clipboard-write"],
      ...options,
    });
    context.setDefaultTimeout(ACTION_TIMEOUT_MS);
    await context.addInitScript(rememberPeerConnections);
    const size = largeCamera ? undefined : SMALL_CAMERA;
    await context.addInitScript(useOwnCamera, { label: cameraOf(seat), size });
    const page = await context.newPage();
    const person = new Person(name, context, page, origin);
    person.#watch();
    return person;
  }

  #watch() {
    const at = () => new Date().toISOString().slice(11, 23);
    this.page.on("console", (message) => {
      this.console.push(`${at()} ${message.type()}: ${message.text()}`);
      if (message.type() === "error") this.problems.push(message.text());
    });
    this.page.on("pageerror", (error) => {
      this.console.push(`${at()} uncaught: ${error.stack ?? error.message}`);
      this.problems.push(`uncaught ${error.message}`);
    });
    this.page.on("crash", () => this.problems.push("the page crashed"));
    const check = (url) => {
      const target = new URL(url);
      const own = new URL(this.origin);
      if (["data:", "blob:", "about:"].includes(target.protocol)) return;
      if (target.host !== own.host) this.strayed.push(url);
    };
    this.page.on("request", (request) => check(request.url()));
    this.page.on("websocket", (socket) => check(socket.url()));
  }

  button(name) {
    return this.page.getByRole("button", { name, exact: true });
  }

  /**
   * A button of the bar at the bottom, whose names may stand elsewhere on the page as well. A switch says first how it
   * stands and then what it does: "Mic on, Mute".
   */
  tool(name) {
    const bar = this.page.getByRole("region", { name: "Meeting controls" });
    return bar.getByRole("button", { name: new RegExp(`^([^,]+, )?${name}$`) });
  }

  /** Goes on with the tab key until what has the focus is called so. */
  async tabTo(name) {
    const wanted = typeof name === "string" ? { text: name } : { pattern: name.source };
    for (let presses = 0; presses < MOST_TABS; presses += 1) {
      await this.page.keyboard.press("Tab");
      const there = await this.page.evaluate(({ text, pattern }) => {
        const element = document.activeElement;
        const label = element.labels?.[0]?.textContent ?? element.textContent;
        const name = (element.getAttribute("aria-label") ?? label).trim();
        return pattern ? new RegExp(pattern).test(name) : name === text;
      }, wanted);
      if (there) return;
    }
    throw new Error(`${name} is not reached with ${MOST_TABS} presses of the tab key`);
  }

  // -- front door --------------------------------------------------------------------------------------------------

  async openFrontDoor() {
    await this.page.goto(`${this.origin}/`);
  }

  /** From the front door into the green room of a new meeting. */
  async startMeeting(name) {
    const form = this.page.getByRole("region", { name: "Start a meeting" });
    await this.page.getByRole("textbox", { name: "Your name" }).fill(name);
    await form.getByRole("button", { name: "Start meeting", exact: true }).click();
    await this.joinButton.waitFor({ timeout: JOIN_TIMEOUT_MS });
  }

  /** The link for others, from inside the meeting. */
  async inviteLink() {
    await this.button("Invite").click();
    const dialog = this.page.getByRole("dialog", { name: "Invite people" });
    const link = await dialog.getByRole("textbox", { name: "Invite link" }).inputValue();
    await this.page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    return link;
  }

  /** Follows an invitation into the green room. */
  async acceptInvitation(link, name) {
    await this.page.goto(link);
    await this.page.getByRole("textbox", { name: "Your name" }).fill(name);
    await this.button("Join meeting").click();
    await this.joinButton.waitFor({ timeout: JOIN_TIMEOUT_MS });
  }

  // -- green room --------------------------------------------------------------------------------------------------

  /** Its words say with which devices. */
  get joinButton() {
    return this.page.locator("#startupJoinModal .green-join");
  }

  async openLink(link) {
    await this.page.goto(link);
    await this.joinButton.waitFor({ timeout: JOIN_TIMEOUT_MS });
  }

  /** From the green room into the meeting; `devices: false` sits in without camera and microphone. */
  async enter({ devices = true } = {}) {
    await (devices ? this.joinButton : this.button("Join without devices")).click();
    await this.tool("Leave").waitFor({ timeout: JOIN_TIMEOUT_MS });
    await this.settled();
  }

  /** The meeting is there while sound and picture still connect: until they are, or it is known that they are not. */
  async settled() {
    const settled = this.page.locator(".connection:not([data-state=connecting])");
    await settled.waitFor({ state: "attached", timeout: JOIN_TIMEOUT_MS });
  }

  /** Where these words stand on the page. For a moment they may also be in what only screen readers hear. */
  shows(words, options) {
    return this.page.getByText(words, options).and(this.page.locator(":not(body > [role=status])"));
  }

  // -- me ----------------------------------------------------------------------------------------------------------

  async mute() {
    await this.tool("Mute").click();
    await this.tool("Unmute").waitFor();
  }

  async unmute() {
    await this.tool("Unmute").click();
    await this.tool("Mute").waitFor();
  }

  async turnCameraOn() {
    await this.tool("Turn camera on").click();
    await this.tool("Turn camera off").waitFor();
  }

  async turnCameraOff() {
    await this.tool("Turn camera off").click();
    await this.tool("Turn camera on").waitFor();
  }

  async shareScreen() {
    await this.tool("Share screen").click();
    await this.tool("Stop sharing").waitFor();
  }

  async stopSharing() {
    await this.tool("Stop sharing").click();
    await this.tool("Share screen").waitFor();
  }

  async raiseHand() {
    await this.tool("Raise hand").click();
    await this.tool("Lower hand").waitFor();
  }

  async lowerHand() {
    await this.tool("Lower hand").click();
    await this.tool("Raise hand").waitFor();
  }

  // -- people ------------------------------------------------------------------------------------------------------

  async #showPanel(name) {
    const panel = this.page.getByRole("complementary", { name, exact: true });
    if (await panel.isVisible()) return;
    const button = this.page.getByRole("button", { name: new RegExp(`^${name}\\b`) }).first();
    // Some of the bar lives in a menu on a phone.
    if (await button.isVisible()) await button.click();
    else {
      await this.button("More").click();
      await this.page.getByRole("menuitem", { name }).click();
    }
    await panel.waitFor();
  }

  async showPeople() {
    await this.#showPanel("People");
  }

  /** The entry of someone in the list of people; it begins with their state in words, like "Ana, hand raised". */
  person(name, state = "") {
    const list = this.page.getByRole("list", { name: "People in this meeting" });
    const words = new RegExp(`^${name}\\b.*${state}`);
    return list
      .getByRole("listitem")
      .filter({ has: this.page.getByText(words) })
      .first();
  }

  /** Opens what can be done with someone; every choice in it is a button. */
  async showActionsFor(name) {
    await this.showPeople();
    await this.button(`Actions for ${name}`).click();
    await this.page.getByRole("slider", { name: `Volume of ${name}` }).waitFor();
  }

  /** One of the things a host can do with someone. */
  async does(name, what) {
    await this.showActionsFor(name);
    await this.button(what).click();
  }

  /** A switch of the lock sheet, which is open. */
  #lock(what) {
    return this.page.getByRole("dialog").getByRole("switch", { name: `Lock: ${what}` });
  }

  async isLocked(what) {
    return (await this.#lock(what).getAttribute("aria-checked")) === "true";
  }

  async setLock(what, on) {
    await this.#lock(what).waitFor();
    if ((await this.isLocked(what)) !== on) await this.#lock(what).click();
    await this.page
      .getByRole("dialog")
      .getByRole("switch", { name: `Lock: ${what}`, checked: on })
      .waitFor();
  }

  /** Waits until the sheet says this about a lock. */
  async readsLock(sheet, what, words) {
    const row = sheet.getByRole("listitem").filter({ hasText: what });
    await row.getByText(words, { exact: true }).first().waitFor();
  }

  async closeDialog() {
    await this.page.keyboard.press("Escape");
    await this.page.getByRole("dialog").waitFor({ state: "hidden" });
  }

  /** Someone's tile on the stage. */
  tile(name) {
    return this.page.getByRole("figure", { name, exact: true });
  }

  async sees(name) {
    await this.showPeople();
    await this.person(name).waitFor();
  }

  async seesNoLonger(name, { timeout } = {}) {
    await this.showPeople();
    await this.person(name).waitFor({ state: "detached", timeout });
  }

  async seesHandOf(name, { raised }) {
    await this.showPeople();
    await this.person(name, "hand raised").waitFor({ state: raised ? "visible" : "detached" });
  }

  /** The picture of someone's shared screen. */
  sharedScreenOf(name) {
    return this.page.getByRole("figure", { name: `Screen of ${name}` }).first();
  }

  // -- chat --------------------------------------------------------------------------------------------------------

  async showChat() {
    await this.#showPanel("Chat");
    await this.page.getByRole("textbox", { name: "Message" }).waitFor();
  }

  /** Writes to everyone, or privately when `to` names someone. */
  async write(text, { to } = {}) {
    if (to === undefined) await this.#openConversation("Everyone");
    else await this.#writePrivatelyTo(to);
    const field = this.page.getByRole("textbox", { name: "Message", exact: true });
    await field.fill(text);
    this.written.push(text);
    await this.button("Send").click();
  }

  async #writePrivatelyTo(name) {
    await this.showActionsFor(name);
    await this.button("Send private message").click();
    await this.page.getByRole("textbox", { name: "Message", exact: true }).waitFor();
  }

  /** There are conversations to choose from once somebody wrote privately. */
  async #openConversation(name) {
    await this.showChat();
    const choices = this.page.getByRole("group", { name: "Conversations" });
    const choice = choices.getByRole("button", { name: new RegExp(`^${name}`) }).first();
    if (name !== "Everyone") await choice.waitFor();
    if ((await choice.count()) > 0) await choice.click();
  }

  /** Waits for a line in the conversation with `from`, or in the public one. */
  async reads(text, { timeout, from } = {}) {
    await this.#openConversation(from ?? "Everyone");
    await this.page.getByRole("log").getByText(text, { exact: true }).first().waitFor({ timeout });
  }

  /** How often a line stands in the chat. */
  async countLines(text) {
    await this.showChat();
    return this.page.getByRole("log").getByText(text, { exact: true }).count();
  }

  // -- leaving -----------------------------------------------------------------------------------------------------

  async leave() {
    await this.#leaveBy("Leave meeting");
    await this.ended(/you left/i);
  }

  async endForEveryone() {
    await this.#leaveBy("End for everyone");
    await this.ended(/ended/i);
  }

  async #leaveBy(choice) {
    await this.tool("Leave").click();
    await this.page.getByRole("dialog").getByRole("button", { name: choice, exact: true }).click();
  }

  /** The page that says why the meeting is over. */
  async ended(title = /ended/i, { timeout } = {}) {
    await this.page.getByRole("heading", { name: title }).waitFor({ timeout });
  }

  /** Shown while the connection is being restored. */
  reconnecting() {
    return this.page.getByText(/reconnecting/i).first();
  }
}
