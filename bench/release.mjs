// The benchmarks run the optimised binary unless told otherwise. Import this before the server helper.
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

process.env.PLENUM_BIN ??= resolve(fileURLToPath(import.meta.url), "../../target/release/plenum");
process.env.RUST_LOG ??= "warn";

/** Whether the server is to have a core of its own. */
const PINNED = process.env.CORES === "1";
const SERVER_CORE = "0";
const GENERATOR_CORE = "1";

if (PINNED && availableParallelism() < 2) throw new Error("CORES=1 needs two cores");

/** Runs a program to its end; anything but success is an end of the benchmark as well. */
export function must(program, args, options) {
  const { error, status } = spawnSync(program, args, options);
  if (error) throw new Error(`${program} did not start: ${error.message}`);
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
}

function moveTo(core) {
  must("taskset", ["--all-tasks", "--cpu-list", "--pid", core, String(process.pid)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/**
 * With `CORES=1` servers start on the first core and this process goes on on the second. A server inherits its core: one
 * that had counted two before would have two threads take turns on the one.
 */
export async function startOnItsCore(start) {
  if (!PINNED) return start();
  moveTo(SERVER_CORE);
  try {
    return await start();
  } finally {
    moveTo(GENERATOR_CORE);
  }
}

/** The value below which the given share of `sorted` lies. */
export function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export function printTable(rows) {
  const [head, ...body] = rows;
  console.log(`| ${head.join(" | ")} |\n|${head.map(() => "---|").join("")}`);
  for (const row of body) console.log(`| ${row.join(" | ")} |`);
}
