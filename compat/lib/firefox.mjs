// Firefox as its makers ship it, driven by WebDriver BiDi, with its fake devices: a picture that changes its colour as
// camera, a tone as microphone.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import playwright from "../../e2e/node_modules/playwright-core/index.mjs";

const EXECUTABLE = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const DOOR = fileURLToPath(new URL("../tools/firefox.mjs", import.meta.url));

/** Why there is no Firefox here, if there is none. */
export function lackingFirefox() {
  if (existsSync(EXECUTABLE)) return false;
  return `${EXECUTABLE} is missing: apt-get install firefox-esr, or set FIREFOX`;
}

export function launchFirefox() {
  return playwright.firefox.launch({
    channel: "moz-firefox",
    executablePath: DOOR,
    headless: true,
    firefoxUserPrefs: {
      "media.navigator.permission.disabled": true,
      "media.navigator.streams.fake": true,
      "media.autoplay.default": 0,
      // Addresses are not hidden behind names that only a local resolver knows.
      "media.peerconnection.ice.obfuscate_host_addresses": false,
      // The server may be on this machine.
      "media.peerconnection.ice.loopback": true,
      // It asks nobody but the server.
      "browser.safebrowsing.malware.enabled": false,
      "browser.safebrowsing.phishing.enabled": false,
      "media.gmp-manager.updateEnabled": false,
      "network.captive-portal-service.enabled": false,
      "network.connectivity-service.enabled": false,
    },
  });
}
