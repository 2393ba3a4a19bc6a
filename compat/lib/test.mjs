// `test` with a bound on time, and with everything kept that is worth keeping when it fails.
import { resolve } from "node:path";
import nodeTest from "node:test";
import { fileURLToPath } from "node:url";

import { keepEvidence } from "../../e2e/lib/evidence.mjs";

const ARTIFACTS = resolve(fileURLToPath(import.meta.url), "../../artifacts");
const TEST_TIMEOUT_MS = 180_000;

/** What the helpers of this file's tests have to show: `() => ({log, pages})`, either may be missing. */
const witnesses = [];

/** Adds a witness. The helpers that start servers and browsers do. */
export function witness(tell) {
  witnesses.push(tell);
}

/** Registers a test. One that hangs fails with its name after a bounded time. */
export default function test(name, body) {
  nodeTest(name, async (context) => {
    try {
      await withinTime(name, body(context));
    } catch (error) {
      const told = witnesses.map((tell) => tell());
      await keepEvidence(ARTIFACTS, name, {
        error,
        log: told.map(({ log }) => log ?? "").join(""),
        pages: told.flatMap(({ pages }) => pages ?? []),
      });
      throw error;
    }
  });
}

async function withinTime(name, running) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(
      () => fail(new Error(`"${name}" hangs: no end after ${TEST_TIMEOUT_MS} ms`)),
      TEST_TIMEOUT_MS,
    );
  });
  try {
    await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}
