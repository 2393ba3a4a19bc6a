// The benchmarks run the optimised binary unless told otherwise. Import this before the server helper.
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

process.env.PLENUM_BIN ??= resolve(fileURLToPath(import.meta.url), "../../target/release/plenum");
process.env.RUST_LOG ??= "warn";

/** The value below which the given share of `sorted` lies. */
export function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export function printTable(rows) {
  const [head, ...body] = rows;
  console.log(`| ${head.join(" | ")} |\n|${head.map(() => "---|").join("")}`);
  for (const row of body) console.log(`| ${row.join(" | ")} |`);
}
