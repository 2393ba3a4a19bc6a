// What is kept of a test that failed: the error, the server's log, and of every page its console, picture and
// accessibility tree.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

const PAGE_TIMEOUT_MS = 5_000;

/**
 * Writes everything there is into a folder named after the test.
 *
 * @param {string} folder where the evidence of all tests goes
 * @param {string} name of the test
 * @param {{error: Error, log: string, pages?: {name: string, page: import("playwright-core").Page, console: string[]}[]}} evidence
 */
export async function keepEvidence(folder, name, { error, log, pages = [] }) {
  const own = join(folder, name.replace(/[^a-z0-9]+/gi, "-").toLowerCase());
  await mkdir(own, { recursive: true });
  await writeFile(join(own, "error.txt"), `${error.stack ?? error}\n`);
  await writeFile(join(own, "server.log"), log);
  for (const { name: who, page, console: lines } of pages) {
    await writeFile(join(own, `${who}.console.log`), `${lines.join("\n")}\n`);
    await Promise.allSettled([
      page.screenshot({ path: join(own, `${who}.png`), timeout: PAGE_TIMEOUT_MS }),
      page
        .locator("body")
        .ariaSnapshot({ timeout: PAGE_TIMEOUT_MS })
        .then((tree) => writeFile(join(own, `${who}.aria.yaml`), tree)),
    ]);
  }
  console.error(`evidence kept in ${own}`);
}
