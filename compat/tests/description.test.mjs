// The description of the API against the API: other people's tools read the document and call what it says.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { withServer } from "../lib/meeting.mjs";
import { PYTHON, SIGNING } from "../lib/paths.mjs";
import test from "../lib/test.mjs";

const run = promisify(execFile);
const scene = withServer();

const SEED = "20261127";
const EXAMPLES = "15";
/** Far longer than the run takes; schemathesis stops generating then. */
const MAX_SECONDS = "90";
/** The one call that is no JSON. */
const FORM = "/auth/room/uploadWhiteboardFile";

async function description() {
  const answer = await fetch(`${scene.server.origin}/openapi.json`);
  assert.equal(answer.status, 200);
  return answer.json();
}

/** A folder of its own for programs that leave things where they are started. */
async function inFolder(body) {
  const folder = await mkdtemp(join(tmpdir(), "plenum-description-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Audited calls, by result. */
function results() {
  const lines = scene.server.log.split("\n").filter((line) => line.includes('"result":'));
  return lines.map((line) => JSON.parse(line).result);
}

test("the document is valid OpenAPI 3.1", async () => {
  const document = await description();
  assert.match(document.openapi, /^3\.1\./);
  await inFolder(async (folder) => {
    const file = join(folder, "openapi.json");
    await writeFile(file, JSON.stringify(document));
    const { stdout } = await run(PYTHON, ["-m", "openapi_spec_validator", file]);
    assert.match(stdout, /: OK/);
  });
});

test("schemathesis finds no answer that contradicts the document", async () => {
  await inFolder(async (folder) => {
    const args = ["run", `${scene.server.origin}/openapi.json`, "--no-color", "--workers", "1"];
    args.push("--seed", SEED, "--max-examples", EXAMPLES, "--max-time", MAX_SECONDS);
    // Its room has to run, and nothing in a description can say so; `files.test.mjs` has its answers.
    args.push("--exclude-path", FORM);
    args.push("--phases", "examples,coverage,fuzzing", "--generation-database", "none");
    args.push(
      "--checks",
      "not_a_server_error,status_code_conformance,content_type_conformance," +
        "response_schema_conformance,response_headers_conformance,positive_data_acceptance",
    );
    const { key, secret } = scene.server.setup;
    const before = results().length;
    const { stdout } = await run(join(dirname(PYTHON), "st"), args, {
      cwd: folder,
      maxBuffer: 64 << 20,
      env: {
        ...process.env,
        PYTHONPATH: dirname(SIGNING),
        SCHEMATHESIS_HOOKS: "signing",
        PLENUM_KEY: key,
        PLENUM_SECRET: secret,
      },
    }).catch((failed) => assert.fail(`${failed.stdout}\n${failed.stderr}`));

    const tested = Number(stdout.match(/Tested: (\d+)/)?.[1]);
    const paths = Object.keys((await description()).paths).filter((path) => path !== FORM);
    assert.equal(tested, paths.length, stdout);
    // It got past the door: what it sent was signed, and some of it was carried out.
    const heard = results().slice(before);
    const turnedAway = heard.filter((result) => result === "INVALID_TOKEN_OR_SIGNATURE").length;
    const done = heard.filter((result) => result === "SUCCESS").length;
    assert.ok(heard.length > 500 && turnedAway === 0, `${turnedAway} of ${heard.length}`);
    assert.ok(done > 10, `${done} of ${heard.length}`);
  });
});

test("every example of the page is signed when a shell runs it", async () => {
  const document = await description();
  const { key, secret } = scene.server.setup;
  await inFolder(async (folder) => {
    await writeFile(join(folder, "file.pdf"), "%PDF-1.7\n");
    for (const [path, { post }] of Object.entries(document.paths)) {
      const { stdout } = await run("sh", ["-c", post["x-codeSamples"][0].source], {
        cwd: folder,
        env: { ...process.env, SERVER: scene.server.origin, API_KEY: key, API_SECRET: secret },
      });
      const { status_code: code, msg } = JSON.parse(stdout);
      const codes = ["SUCCESS", "UNKNOWN_STATUS", "NOT_FOUND", "ROOM_NOT_FOUND"];
      assert.ok(codes.includes(code), `${path}: ${code} ${msg}`);
    }
  });
});
