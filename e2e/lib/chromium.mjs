// One headless Chromium with fake devices: a moving picture as camera, a beep as microphone, a moving page as screen.
import { existsSync } from "node:fs";

import { chromium } from "playwright-core";

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** So many cameras, named `fake_device_0` and so on; see `useOwnCamera`. */
const FAKE_CAMERAS = 12;

/**
 * @param {{freeAutoplay?: boolean, executable?: string, args?: string[]}} options `freeAutoplay: false` has the autoplay
 * policy of real browsers; `args` are more flags.
 */
export async function launchChromium({
  freeAutoplay = true,
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
      `--use-fake-device-for-media-stream=device-count=${FAKE_CAMERAS}`,
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
