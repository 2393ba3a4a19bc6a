// Compiles our .proto files into one descriptor set. The tests read messages from it by reflection, with the library the
// original client uses, so a wrong name or number in a .proto file shows up here.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

import { BUF, DESCRIPTORS, PROTO } from "../lib/paths.mjs";

mkdirSync(dirname(DESCRIPTORS), { recursive: true });
execFileSync(BUF, ["build", PROTO, "--output", DESCRIPTORS], { stdio: "inherit" });
