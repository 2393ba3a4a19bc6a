import assert from "node:assert/strict";
import test from "node:test";

import { findings, isAllowed } from "./npm-licences.mjs";

test("either side of an OR is enough and both sides of an AND are needed", () => {
  assert.equal(isAllowed("(MPL-2.0 OR GPL-3.0-only)"), true);
  assert.equal(isAllowed("MIT AND ISC"), true);
  assert.equal(isAllowed("MIT AND GPL-3.0-only"), false);
  assert.equal(isAllowed("UNLICENSED"), false);
});

test("a foreign licence, a missing one, a refused package and a fetch address are each reported", () => {
  const lock = {
    packages: {
      "": { name: "ours" },
      "node_modules/good": { version: "1.0.0", license: "MIT" },
      "node_modules/viral": { version: "2.0.0", license: "AGPL-3.0-only" },
      "node_modules/good/node_modules/silent": { version: "0.1.0" },
      "node_modules/@blocknote/xl-pdf-exporter": { version: "1.0.0", license: "MIT" },
      "node_modules/tracked": { version: "1.0.0", license: "MIT", resolved: "somewhere" },
    },
  };

  assert.deepEqual(
    findings(lock).map((finding) => finding.split(" ")[0].replace(":", "")),
    ["viral", "silent", "@blocknote/xl-pdf-exporter", "tracked"],
  );
});
