// Every screen in light, dark and on a phone: readable by a screen reader, within the window, and a picture of it kept.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { scenario } from "../lib/scenario.mjs";
import { LOOKS, overflow, tour, violations } from "../lib/tour.mjs";

const PICTURES = resolve(fileURLToPath(import.meta.url), "../../artifacts/screens");

for (const [name, options] of Object.entries(LOOKS)) {
  scenario(`every screen is accessible and fits: ${name}`, async (meeting) => {
    await mkdir(PICTURES, { recursive: true });
    const findings = [];

    await tour(meeting, options, async (screen, person) => {
      await person.page.screenshot({ path: join(PICTURES, `${screen}-${name}.png`) });
      for (const violation of await violations(person.page))
        findings.push(`${screen}: ${violation}`);
      const wider = await overflow(person.page);
      if (wider > 0) findings.push(`${screen}: ${wider} px wider than the window`);
    });

    assert.deepEqual(findings, []);
  });
}
