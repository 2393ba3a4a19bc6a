// The command line as an operator meets it: first start, links, mistakes, figures, the end and the start after it.
import assert from "node:assert/strict";
import dgram from "node:dgram";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import WebSocket from "ws";

import { freePort } from "../../e2e/lib/ports.mjs";
import { sign } from "../../e2e/lib/server.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { Desk } from "../lib/cli.mjs";
import { Member, verifyToken } from "../lib/member.mjs";
import test from "../lib/test.mjs";

/** A desk whose server runs with `lines` as its configuration; without any, it has no configuration file. */
async function deskWith(lines) {
  const desk = await Desk.make();
  if (lines) writeFileSync(join(desk.folder, "config.yaml"), lines);
  return desk;
}

async function credentials(desk) {
  const secrets = desk.run("secrets");
  assert.equal(await secrets.code(), 0, secrets.errors);
  const [, key, secret] = /^api_key: (\S+)\nsecret: (\S+)\n$/.exec(secrets.output);
  return { key, secret };
}

async function call(origin, { key, secret }, path, body) {
  const text = JSON.stringify(body);
  const answer = await fetch(`${origin}/auth${path}`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "API-KEY": key,
      "HASH-SIGNATURE": sign(secret, text),
    },
    body: text,
  });
  return { status: answer.status, body: await answer.json() };
}

async function tokenFor(desk, ...args) {
  const program = desk.run("token", "--room", "standup", "--name", "Ana Example", ...args);
  assert.equal(await program.code(), 0, program.errors);
  return program.output.trim();
}

test("the first start makes key and secret, readable by their owner alone and not in the log", async () => {
  const desk = await deskWith();
  const server = await desk.serve();

  const data = join(desk.folder, "data");
  assert.equal(statSync(data).mode & 0o777, 0o700);
  assert.equal(statSync(join(data, "secrets.yaml")).mode & 0o777, 0o600);
  const own = await credentials(desk);
  assert.ok(readFileSync(join(data, "secrets.yaml"), "utf8").includes(own.secret));
  assert.match(own.secret, /^[A-Za-z0-9_-]{43}$/);

  const made = await call(server.origin, own, "/room/create", {
    room_id: "room01",
    metadata: { room_title: "Test room", room_features: { allow_webcams: true } },
  });
  assert.equal(made.body.status, true, JSON.stringify(made));
  const foreign = await call(server.origin, { ...own, secret: "wrong" }, "/room/create", {});
  assert.equal(foreign.status, 401);
  assert.equal(await server.stop(), 0);
  assert.ok(!server.output.includes(own.secret) && !server.errors.includes(own.secret));
});

test("`plenum token` prints a link that opens the meeting, under the public address if there is one", async () => {
  const desk = await deskWith("client: {bbb_join_host: https://meet.example.org}\n");
  const server = await desk.serve();

  const link = new URL(await tokenFor(desk, "--admin", "--server", server.origin));

  assert.equal(link.origin, "https://meet.example.org");
  const token = link.searchParams.get("access_token");
  const admission = await verifyToken(server.origin, token);
  assert.equal(admission.status, true, admission.msg);
  assert.equal(admission.roomId, "standup");
  assert.ok(!server.output.includes(token) && !server.output.includes("Ana Example"));
});

test("`plenum token` prints where it asked when there is no public address", async () => {
  const desk = await deskWith();
  const server = await desk.serve();

  const link = new URL(await tokenFor(desk, "--server", server.origin));

  assert.equal(link.origin, server.origin);
  const page = await fetch(link);
  assert.equal(page.status, 200);
});

test("`plenum token` in the wrong folder says so and makes nothing", async () => {
  const desk = await deskWith();

  const program = desk.run("token", "--data", "elsewhere", "--room", "r", "--name", "Ana");

  assert.equal(await program.code(), 1);
  assert.match(program.errors, /no API key and secret in elsewhere; .*--data/);
  assert.equal(program.output, "");
  assert.equal(existsSync(join(desk.folder, "elsewhere")), false);
});

test("`plenum token` without a running server says so", async () => {
  const desk = await deskWith();
  await credentials(desk);

  const program = desk.run(
    "token",
    "--server",
    "http://127.0.0.1:1",
    "--room",
    "r",
    "--name",
    "Ana",
  );

  assert.equal(await program.code(), 1);
  assert.match(program.errors, /is `plenum serve` running\?/);
});

test("a configuration with mistakes is refused with all of them at once, and nothing is made", async () => {
  const desk = await deskWith(`
client: {port: http, colour: red, api_key: k}
plenum: {listen: localhost}
nats_info: {subjects: {chat: sysPublic}}
`);

  const program = desk.run("serve");

  assert.equal(await program.code(), 1);
  for (const key of [
    "client.port",
    "client.colour",
    "client.secret",
    "plenum.listen",
    "nats_info.subjects.chat",
  ])
    assert.ok(program.errors.includes(`\n  ${key}: `), `${key} in ${program.errors}`);
  assert.match(program.errors, /the same as nats_info.subjects.system_public/);
  assert.equal(program.output, "");
  assert.equal(existsSync(join(desk.folder, "data")), false);
});

test("a named configuration that is not there is an error", async () => {
  const desk = await deskWith();
  const program = desk.run("serve", "--config", "nowhere.yaml");
  assert.equal(await program.code(), 1);
  assert.match(program.errors, /nowhere\.yaml/);
});

test("a second server on one data folder waits for a while, then says whose it is", async () => {
  const desk = await deskWith();
  await desk.serve();

  const second = desk.run("serve", "--listen", "127.0.0.1:0", "--media-port", "0");

  assert.equal(await second.code(), 1);
  assert.match(second.errors, /another plenum uses the data folder/);
});

test("the link that --dev prints opens the client, which is part of the binary", async () => {
  const desk = await deskWith();
  const server = await desk.serve("--dev");
  const printed = await until("the link", () => /https?:\/\/\S+/.exec(server.output)?.[0]);

  const page = await fetch(printed);

  assert.equal(page.status, 200);
  const html = await page.text();
  const files = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
  assert.ok(files.length > 0, html);
  const binary = readFileSync(`/proc/${server.pid}/exe`);
  for (const path of files) {
    const file = await fetch(new URL(path, printed));
    assert.equal(file.status, 200, path);
    assert.ok((await file.arrayBuffer()).byteLength > 0, path);
    assert.ok(binary.includes(path.slice("/assets/".length)), `${path} is in the binary`);
  }
  const opened = readFileSync(`/proc/${server.pid}/maps`, "utf8");
  assert.ok(!opened.includes("web/dist"));
});

test("the figures show what happens, media included", async () => {
  const desk = await deskWith();
  const server = await desk.serve();
  const figure = async (name) => {
    const text = await (await fetch(`${server.origin}/metrics`)).text();
    const line = text.split("\n").find((entry) => entry.startsWith(`${name} `));
    if (line === undefined) throw new Error(`no ${name} in\n${text}`);
    return Number(line.split(" ").at(-1));
  };
  const stranger = dgram.createSocket("udp4");
  const before = await figure("media_datagrams_in_total");

  await tokenFor(desk, "--server", server.origin);
  await until("the datagram to be counted", async () => {
    stranger.send("hello", desk.port, "127.0.0.1");
    return (await figure("media_datagrams_in_total")) > before;
  });
  stranger.close();

  assert.equal(await figure("plenum_rooms_created_total"), 1);
  await until("the room to be counted", async () => (await figure("plenum_rooms")) === 1);
  const created = 'route="/auth/room/create",status="200"';
  assert.equal(await figure(`plenum_http_requests_total{${created}}`), 1);
  assert.ok(
    (await figure('plenum_http_request_seconds_bucket{route="/auth/room/create",le="10"}')) >= 1,
  );
});

test("SIGTERM closes sockets in order, complains about nothing, and the meeting goes on in the next process", async () => {
  const desk = await deskWith();
  const first = await desk.serve();
  const own = await credentials(desk);
  const link = new URL(await tokenFor(desk, "--admin", "--server", first.origin));
  const session = async (server) => {
    const { body } = await call(server.origin, own, "/room/getActiveRoomInfo", {
      room_id: "standup",
    });
    return body.room.room_info.sid;
  };
  let close;
  const closed = new Promise((done) => (close = done));
  const member = await Member.enter({
    origin: first.origin,
    token: link.searchParams.get("access_token"),
    wsFactory: async (url) => {
      const socket = new WebSocket(url);
      socket.once("close", close);
      return { socket, encrypted: false };
    },
  });
  await member.ask("REQ_INITIAL_DATA", "RES_INITIAL_DATA");
  const before = await session(first);

  assert.equal(await first.stop(), 0);

  assert.equal(await closed, 1000);
  assert.deepEqual(first.complaints, []);
  assert.match(first.output, /"message":"stopped"/);
  await member.leave();
  const second = await desk.serve();
  assert.equal(await session(second), before);
  assert.equal(await second.stop(), 0);
  assert.deepEqual(second.complaints, []);
});

test("SIGINT at the first moment ends it in order as well", async () => {
  const desk = await deskWith();
  const server = await desk.serve();
  server.signal("SIGINT");
  assert.equal(await server.code(), 0);
});

/** What `plenum doctor` says: its exit code and findings by topic. */
async function examine(desk, ...args) {
  const program = desk.run("doctor", "--json", ...args);
  const code = await program.code();
  const report = JSON.parse(program.output);
  const find = (topic, level) =>
    report.checks.filter((check) => check.topic === topic && check.level === level);
  return { code, report, find };
}

test("`plenum doctor` looks at a folder without a server and makes nothing", async () => {
  const desk = await deskWith();
  const port = String(await freePort());

  const { code, report, find } = await examine(
    desk,
    "--listen",
    `127.0.0.1:${port}`,
    "--media-port",
    port,
  );

  assert.ok(code < 2, JSON.stringify(report));
  assert.equal(report.status, code === 0 ? "ok" : "warning");
  assert.match(find("data folder", "ok")[0].text, /not there yet/);
  assert.match(find("TCP port", "ok")[0].text, /is free/);
  assert.match(find("UDP port", "ok")[0].text, /is free/);
  assert.equal(existsSync(join(desk.folder, "data")), false);
});

test("`plenum doctor` beside a running server finds it, and a secret others may read", async () => {
  const desk = await deskWith();
  const server = await desk.serve();
  const ports = ["--listen", `127.0.0.1:${desk.port}`, "--media-port", String(desk.port)];

  const well = await examine(desk, ...ports);
  assert.ok(well.code < 2, JSON.stringify(well.report));
  assert.match(well.find("server", "ok")[0].text, /it runs/);
  assert.match(well.find("TCP port", "ok")[0].text, /the server answers/);
  assert.match(well.find("UDP port", "ok")[0].text, /media is on/);
  assert.equal(well.find("database", "ok").length, 2);

  const file = join(desk.folder, "data", "secrets.yaml");
  chmodSync(file, 0o644);
  const open = await examine(desk, ...ports);
  assert.equal(open.code, 1);
  assert.match(open.find("secrets", "warning")[0].advice, /^chmod 600 .*secrets\.yaml$/);

  const elsewhere = String(await freePort());
  const wrong = await examine(
    desk,
    "--listen",
    `127.0.0.1:${elsewhere}`,
    "--media-port",
    elsewhere,
  );
  assert.equal(wrong.code, 2);
  assert.equal(wrong.find("TCP port", "problem").length, 1);
  assert.equal(await server.stop(), 0);
});

test("`plenum doctor` names every mistake of the configuration, in words", async () => {
  const desk = await deskWith("client: {port: many, secret: short, api_key: k}\n");

  const program = desk.run("doctor");

  assert.equal(await program.code(), 2);
  assert.match(program.output, /^problem +configuration +client\.port: /m);
  assert.match(program.output, /^problem +configuration +client\.secret: /m);
  assert.match(program.output, /\n2 problems, \d+ warnings\n$/);
  assert.ok(!program.output.includes("short"), "no secret is repeated");
});

test("`plenum doctor` says who has the port", async () => {
  const desk = await deskWith();
  const taken = dgram.createSocket("udp4");
  await new Promise((done) => taken.bind(0, "127.0.0.1", done));
  const { port } = taken.address();

  const { code, find } = await examine(
    desk,
    "--listen",
    `127.0.0.1:${await freePort()}`,
    "--media-port",
    String(port),
  );

  assert.equal(code, 2);
  assert.match(find("UDP port", "problem")[0].advice, /another program has it/);
  taken.close();
});
