// Real browsers behind bad lines: see `scenes.mjs`; scripts/e2e.sh network/network.test.mjs runs it. They need network namespaces, which need root; as root, a machine
// without them is a failure, because nothing would be tested there.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const SCENES = fileURLToPath(new URL("scenes.mjs", import.meta.url));
const isRoot = process.getuid?.() === 0;

test(
  "meetings go on behind bad lines",
  { skip: isRoot ? false : "network namespaces need root" },
  async () => {
    const script = 'mkdir -p /run/netns && mount -t tmpfs none /run/netns && exec "$@"';
    const node = [
      process.execPath,
      "--test",
      "--test-reporter=spec",
      "--test-concurrency=1",
      SCENES,
    ];
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
  },
);
