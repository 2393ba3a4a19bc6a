// Looks at one screen after another and says at the end what is wrong anywhere; pictures are kept.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { clipped, inEveryLook, LOOKS, overflow, violations } from "./tour.mjs";

const PICTURES = resolve(fileURLToPath(import.meta.url), "../../artifacts/screens");

export class Looks {
  #findings = [];

  /** What a person sees now, in these looks. */
  async at(screen, person, names = ["light", "dark", "phone"]) {
    await mkdir(PICTURES, { recursive: true });
    await inEveryLook(person, names, async (name) => {
      const say = (text) => this.#findings.push(`${screen} (${name}): ${text}`);
      await person.page.screenshot({ path: join(PICTURES, `${screen}-${name}.png`) });
      if (LOOKS[name].axe) (await violations(person.page)).forEach(say);
      const wider = await overflow(person.page);
      if (wider > 0) say(`${wider} px wider than the window`);
      (await clipped(person.page)).forEach(say);
    });
  }

  /** Fails with all that was found. */
  done() {
    assert.deepEqual(this.#findings, []);
  }
}
