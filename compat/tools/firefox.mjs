#!/usr/bin/env node
// Firefox as Playwright takes it. Playwright speaks WebDriver BiDi with newer releases than the one Debian ships, and asks
// for things that one does not know but nobody here needs; they are answered in its place.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { WebSocket, WebSocketServer } from "ws";

const UNKNOWN = new Set(["emulation.setMediaFeaturesOverride"]);

const firefox = spawn(process.env.FIREFOX ?? "/usr/bin/firefox-esr", process.argv.slice(2), {
  stdio: ["ignore", "inherit", "pipe"],
});
firefox.once("exit", (code) => process.exit(code ?? 1));
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"])
  process.once(signal, () => firefox.kill(signal));

for await (const line of createInterface({ input: firefox.stderr })) {
  const [, address] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
  console.error(address ? `WebDriver BiDi listening on ${await door(address)}` : line);
}

/** Opens a door of its own in front of Firefox's. */
async function door(address) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (near) => {
    const far = new WebSocket(`${address}/session`, { perMessageDeflate: false });
    const early = [];
    near.on("message", (data) => {
      const text = data.toString();
      const { id, method } = JSON.parse(text);
      if (UNKNOWN.has(method)) near.send(JSON.stringify({ type: "success", id, result: {} }));
      else if (far.readyState === WebSocket.OPEN) far.send(text);
      else early.push(text);
    });
    far.on("open", () => early.forEach((text) => far.send(text)));
    far.on("message", (data) => near.send(data.toString()));
    near.on("close", () => far.close());
    for (const end of ["close", "error"]) far.on(end, () => near.close());
  });
  await new Promise((done) => server.once("listening", done));
  return `ws://127.0.0.1:${server.address().port}`;
}
