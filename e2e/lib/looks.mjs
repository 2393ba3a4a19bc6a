// Looks at one screen after another and says at the end what is wrong anywhere; pictures are kept.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { clipped, inEveryLook, LOOKS, overflow, violations } from "./tour.mjs";

const PICTURES = resolve(fileURLToPath(import.meta.url), "../../artifacts/screens");

/** Pictures are for people to look at. Where nobody does, those of what is wrong are enough. */
const EVERY_PICTURE = !process.env.CI;

export class Looks {
  #findings = [];

  /** What a person sees now, in these looks. */
  async at(screen, person, names = ["light", "dark", "phone"]) {
    await mkdir(PICTURES, { recursive: true });
    const { page } = person;
    await inEveryLook(person, names, async (name) => {
      const wrong = LOOKS[name].axe ? await violations(page) : [];
      const wider = await overflow(page);
      if (wider > 0) wrong.push(`${wider} px wider than the window`);
      wrong.push(...(await clipped(page)));
      this.#findings.push(...wrong.map((text) => `${screen} (${name}): ${text}`));
      if (EVERY_PICTURE || wrong.length > 0)
        await page.screenshot({ path: join(PICTURES, `${screen}-${name}.png`) });
    });
  }

  /** Fails with all that was found. */
  done() {
    assert.deepEqual(this.#findings, []);
  }
}
