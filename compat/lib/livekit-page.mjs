// livekit-client, unmodified, in Chromium on a page of another origin than the server's, as an embedding site would.
import { readFileSync } from "node:fs";
import http from "node:http";
import { after, afterEach, before } from "node:test";

import { launchChromium } from "../../e2e/lib/chromium.mjs";
import { rememberPeerConnections } from "../../e2e/lib/media.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { LIVEKIT_BUNDLE, LIVEKIT_E2EE_WORKER, LIVEKIT_PAGE } from "./paths.mjs";
import { witness } from "./test.mjs";

/** Serves the page and starts the browser before the tests of a file; every test begins without open pages. */
export function withBrowser() {
  const host = new Host();
  witness(() => ({ pages: host.pages }));
  before(() => host.start());
  afterEach(() => host.closePages());
  after(() => host.stop());
  return host;
}

class Host {
  /** Everything a failed test shows: `{name, page, console}`. */
  pages = [];

  async start() {
    const scripts = {
      "/livekit-client.js": LIVEKIT_BUNDLE,
      "/livekit-client.e2ee.worker.js": LIVEKIT_E2EE_WORKER,
    };
    this.site = http.createServer((request, response) => {
      const script = scripts[request.url];
      response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
      response.end(readFileSync(script ?? LIVEKIT_PAGE));
    });
    await new Promise((done) => this.site.listen(0, "127.0.0.1", done));
    this.browser = await launchChromium();
  }

  async closePages() {
    await Promise.allSettled(this.browser.contexts().map((context) => context.close()));
    this.pages = [];
  }

  async stop() {
    await this.browser?.close();
    await new Promise((done) => this.site.close(done));
  }

  /** A page that has joined. `options` are those of `new Room(...)`. */
  async join({ url, token }, options = {}) {
    const page = await this.open();
    await page.evaluate(
      ([url, token, options]) => join(url, token, options),
      [url, token, options],
    );
    return page;
  }

  async open() {
    const context = await this.browser.newContext({ permissions: ["camera", "microphone"] });
    await context.addInitScript(rememberPeerConnections);
    const page = await context.newPage();
    page.problems = [];
    page.on("pageerror", (error) => page.problems.push(error.message));
    const lines = [];
    page.on("console", (message) => lines.push(`${message.type()}: ${message.text()}`));
    this.pages.push({ name: `page-${this.pages.length + 1}`, page, console: lines });
    await page.goto(`http://127.0.0.1:${this.site.address().port}/`);
    return page;
  }
}

/** Waits for a line of the page's diary. */
export async function untilTold(page, pattern, options) {
  return until(
    `${pattern} on the page`,
    async () => {
      const events = await page.evaluate(() => seen.events);
      const found = events.find((event) => pattern.test(event));
      if (found) return found;
      throw new Error(events.join("; "));
    },
    options,
  );
}

/** The lines of the page's diary that match. */
export function told(page, pattern) {
  return page.evaluate((source) => {
    const wanted = new RegExp(source);
    return seen.events.filter((event) => wanted.test(event));
  }, pattern.source);
}

/** How many peer connections the library holds open. */
export function connections(page) {
  return page.evaluate(
    () => window.__peerConnections.filter((pc) => pc.connectionState === "connected").length,
  );
}
