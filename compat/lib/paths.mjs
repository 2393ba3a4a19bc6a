import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const COMPAT = resolve(fileURLToPath(import.meta.url), "../..");
const ROOT = resolve(COMPAT, "..");

export const PROTO = join(ROOT, "proto");
export const DESCRIPTORS = join(ROOT, "target/compat/messages.binpb");
export const BUF = join(COMPAT, "node_modules/.bin/buf");
export const PEER = join(COMPAT, "python/peer.py");
export const LIVEKIT_API = join(COMPAT, "python/livekit_api.py");
export const LAUNCH = join(COMPAT, "python/launch.py");
export const SIGNING = join(COMPAT, "python/signing.py");
export const PYTHON = process.env.PLENUM_PYTHON ?? join(ROOT, "target/venv/bin/python");
export const LIVEKIT_BUNDLE = join(
  COMPAT,
  "node_modules/livekit-client/dist/livekit-client.umd.js",
);
export const LIVEKIT_E2EE_WORKER = join(
  COMPAT,
  "node_modules/livekit-client/dist/livekit-client.e2ee.worker.js",
);
export const MIRROR = join(ROOT, "target/debug/examples/mirror");
export const LIVEKIT_PAGE = join(COMPAT, "pages/livekit.html");
