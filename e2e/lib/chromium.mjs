// One headless Chromium with fake devices: a moving picture as camera, a beep as microphone, a moving page as screen.
import { existsSync } from "node:fs";

import { chromium } from "playwright-core";

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** So many cameras, named `fake_device_0` and so on; see `useOwnCamera`. */
const FAKE_CAMERAS = 12;

/** Pictures a second of each of them. All are encoded, decoded and drawn without a graphics card, which most of the time goes to. */
const FAKE_RATE = 10;

/**
 * What a browser does beside the page. Playwright has such a list too, which this one replaces: of a switch given twice the last
 * counts. The popups of the address bar are the new ones here, pages of their own for every window.
 */
const NOT_NEEDED = [
  "AvoidUnnecessaryBeforeUnloadCheckSync",
  "DestroyProfileOnBrowserClose",
  "HttpsFirstBalancedModeAutoEnable",
  "HttpsUpgrades",
  "LensOverlay",
  "MediaRouter",
  "NetworkTimeServiceQuerying",
  "OptimizationHints",
  "PaintHolding",
  "ThirdPartyStoragePartitioning",
  "Translate",
  "WebUIOmniboxAimPopup",
  "WebUIOmniboxFullPopup",
  "WebUIOmniboxPopup",
];

/**
 * @param {{freeAutoplay?: boolean, rate?: number, executable?: string, args?: string[]}} options `freeAutoplay: false` has the
 * autoplay policy of real browsers; `rate` are pictures a second of the cameras; `args` are more flags.
 */
export async function launchChromium({
  freeAutoplay = true,
  rate = FAKE_RATE,
  executable = EXECUTABLE,
  args = [],
} = {}) {
  if (!existsSync(executable))
    throw new Error(`${executable} is missing: apt-get install chromium, or set CHROMIUM`);
  return chromium.launch({
    executablePath: executable,
    headless: true,
    // Chromium's sandbox refuses to start for root, which containers and CI machines often are.
    chromiumSandbox: process.getuid?.() !== 0,
    args: [
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--disable-features=${NOT_NEEDED.join(",")}`,
      `--use-fake-device-for-media-stream=device-count=${FAKE_CAMERAS},fps=${rate}`,
      "--use-fake-ui-for-media-stream",
      ...(freeAutoplay ? ["--autoplay-policy=no-user-gesture-required"] : []),
      // several meetings side by side: none of them is "in the background"
      "--disable-background-timer-throttling",
      "--disable-backgrounding-occluded-windows",
      "--disable-renderer-backgrounding",
      ...args,
    ],
  });
}
