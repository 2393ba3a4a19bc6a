// The media plane under load: real WebRTC peers on real UDP sockets of loopback. One thread of it runs on core 0 and the peers on
// core 1; of two threads each has both cores, and so have the peers. As root the media plane runs before everything else on the
// machine (`chrt`), for seconds at a time, and publishers who only send before that: whoever is served lives elsewhere as a rule,
// takes no processor from a shard and does not wait for one.
// `ONLY=audio,meeting` runs some scenarios; `SECONDS` is the length of each measurement; `PACE=spread` is how pictures leave
// publishers in scenarios that do not say it themselves (`at-once`, `chrome` or `spread`, see load/src/media/pace.rs).
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { printTable } from "./release.mjs";

const PROGRAM =
  process.env.BENCH_MEDIA ??
  resolve(fileURLToPath(import.meta.url), "../../target/release/bench-media");
const SECONDS = process.env.SECONDS ?? "5";
const ONLY = process.env.ONLY?.split(",");
const PACE = process.env.PACE ?? "at-once";

const SERVER = "0";
const PEERS = "1";
const BOTH = "0,1";

/** Name, server cores, threads of the media plane, arguments. */
const SCENARIOS = [
  ["audio", SERVER, 1, "--audio-only --publishers 10 --listeners 100 --step 50 --steps 5"],
  [
    "audio counting",
    SERVER,
    1,
    "--audio-only --publishers 10 --listeners 200 --step 50 --steps 5 --full-every 25",
  ],
  ["livestream", SERVER, 1, "--publishers 1 --listeners 100 --step 100 --steps 5"],
  [
    "livestream spread",
    SERVER,
    1,
    "--publishers 1 --listeners 100 --step 100 --steps 3 --pace spread",
  ],
  [
    "livestream as Chrome",
    SERVER,
    1,
    "--publishers 1 --listeners 100 --step 100 --steps 3 --pace chrome",
  ],
  ["two livestreams", SERVER, 1, "--rooms 2 --publishers 1 --listeners 330 --full-every 10"],
  ["meeting", SERVER, 1, "--publishers 8 --warm 15"],
  ["meeting of 20", SERVER, 1, "--publishers 20 --warm 15"],
  ["meeting of 20 counting", SERVER, 1, "--publishers 20 --warm 15 --full-every 10"],
  ["one shard", BOTH, 1, "--rooms 4 --publishers 1 --listeners 40"],
  ["two shards", BOTH, 2, "--rooms 4 --publishers 1 --listeners 40"],
  ["livestream one shard", BOTH, 1, "--publishers 1 --listeners 300 --full-every 10"],
  ["livestream over two shards", BOTH, 2, "--publishers 1 --listeners 300 --full-every 10"],
  [
    "livestream spread over two shards",
    BOTH,
    2,
    "--publishers 1 --listeners 300 --full-every 10 --pace spread",
  ],
  [
    "livestream as Chrome over two shards",
    BOTH,
    2,
    "--publishers 1 --listeners 300 --full-every 10 --pace chrome",
  ],
  ["audio one shard", BOTH, 1, "--audio-only --publishers 10 --listeners 300 --full-every 25"],
  [
    "audio of 300 over two shards",
    BOTH,
    2,
    "--audio-only --publishers 10 --listeners 300 --full-every 25",
  ],
  [
    "audio over two shards",
    BOTH,
    2,
    "--audio-only --publishers 10 --listeners 500 --full-every 25",
  ],
];

/** A few talk while a crowd comes to a room of its own on the same thread and leaves it. */
const CROWDS = [
  ["300 for sound", "--audio-only --publishers 4 --crowd 300"],
  ["200 for sound and pictures", "--publishers 2 --crowd 200 --full-every 5"],
  ["1,000 for sound", "--audio-only --publishers 4 --crowd 1000 --full-every 10"],
];

if (availableParallelism() < 2) throw new Error("two cores are needed");

/** Runs one scenario and gives what it printed, a line for each step: none if it did not fit, which stderr says why. */
function run(cores, threads, args) {
  const command = [
    [
      "taskset",
      "--cpu-list",
      cores === BOTH ? BOTH : PEERS,
      PROGRAM,
      "run",
      "--server-cores",
      cores,
    ],
    // One thread for each core the peers may use.
    ["--crews", cores === BOTH ? "2" : "1"],
    ["--shards", String(threads), "--seconds", SECONDS, ...args.split(" ")],
    args.includes("--pace") ? [] : ["--pace", PACE],
  ].flat();
  if (process.getuid() === 0) {
    command.unshift("nice", "-n", "-19");
    command.push("--server-priority", "1");
  }
  const { status, stdout } = spawnSync(command[0], command.slice(1), {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, MIMALLOC_ALLOW_THP: "0" },
  });
  if (status !== 0) console.error(`${command.join(" ")} ended with ${status}`);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

const percent = (share) => `${(share * 100).toFixed(0)} %`;
const grouped = (number) => Math.round(number).toLocaleString("en-US");

const rows = [];
for (const [name, cores, threads, args] of SCENARIOS) {
  if (ONLY && !ONLY.includes(name)) continue;
  const steps = run(cores, threads, args);
  if (steps.length === 0) rows.push([name, "does not fit", ...Array(9).fill("")]);
  for (const step of steps) {
    rows.push([
      name,
      step.peers,
      args.includes("--audio-only") ? "none" : step.pace,
      grouped(step.packets_per_second),
      `${grouped(step.mbit_per_second)}`,
      percent(step.server_cpu),
      percent(step.generator_cpu),
      grouped(step.packets_per_cpu_second),
      `${(step.loss * 100).toFixed(2)} %`,
      step.p50_ms.toFixed(2),
      step.p99_ms.toFixed(2),
    ]);
  }
}
if (rows.length > 0) {
  const head = ["Scenario", "Peers", "Pictures", "Packets/s", "Mbit/s", "Server CPU", "Peers' CPU"];
  printTable([[...head, "Packets per CPU second", "Lost", "p50 ms", "p99 ms"], ...rows]);
}
if (!ONLY || ONLY.includes("crowd")) {
  const rows = CROWDS.flatMap(([name, args]) =>
    run(SERVER, 1, args).map((phase) => [
      name,
      phase.phase,
      phase.seconds.toFixed(2),
      phase.server_cpu_ms.toFixed(0),
      phase.p50_ms.toFixed(2),
      phase.p99_ms.toFixed(2),
      phase.longest_ms.toFixed(2),
    ]),
  );
  const head = ["Crowd", "While", "Seconds", "Server CPU ms", "p50 ms", "p99 ms", "longest ms"];
  printTable([head, ...rows]);
}
if (!ONLY || ONLY.includes("memory")) {
  const [memory] = run(SERVER, 1, "--memory --publishers 1 --listeners 300 --warm 8");
  if (!memory) throw new Error("the memory was not measured");
  printTable([
    ["Memory", "KiB"],
    ["the media plane without anybody", memory.empty_kib],
    ["an idle peer", memory.kib_per_idle_peer],
    ["a video track on its way to a peer, with one of sound", memory.kib_per_video_track],
  ]);
}
