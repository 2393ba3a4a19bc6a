// Real browsers behind bad lines: see `../network/scenes.mjs`. They need network namespaces and TUN devices, which need root; where
// those are not to be had, it says so and is skipped.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const SCENES = fileURLToPath(new URL("../network/scenes.mjs", import.meta.url));

/** What this machine lacks, if anything. */
function lacking() {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  if (!existsSync("/dev/net/tun")) return "there is no /dev/net/tun";
  const made = spawnSync("unshare", ["--net", "--mount", "ip", "link", "set", "lo", "up"]);
  return made.status === 0 ? false : "this machine makes no network namespaces";
}

test("meetings go on behind bad lines", { skip: lacking() }, async () => {
  const script = 'mkdir -p /run/netns && mount -t tmpfs none /run/netns && exec "$@"';
  const node = [process.execPath, "--test", "--test-reporter=spec", "--test-concurrency=1", SCENES];
  const env = { ...process.env };
  // Else the inner run takes itself for a part of this one, and tells it everything in a language of its own.
  delete env.NODE_TEST_CONTEXT;
  const scenes = spawn("unshare", ["--net", "--mount", "sh", "-c", script, "sh", ...node], {
    stdio: ["ignore", "inherit", "inherit"],
    env,
  });
  const code = await new Promise((done, fail) => {
    scenes.once("error", fail);
    scenes.once("exit", (exit, signal) => done(exit ?? signal));
  });
  assert.equal(
    code,
    0,
    "a scene failed, or this machine has no network namespaces or no /dev/net/tun",
  );
});
