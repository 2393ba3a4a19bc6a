// Files in the chat: over a line that breaks, with progress, within limits, and fetched by others.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";

import { scenario } from "../lib/scenario.mjs";

const MIB = 1024 * 1024;
/** What begins like an archive; the kind of a file is recognised by content. */
const archive = (size) =>
  Buffer.concat([Buffer.from("504b030414000000", "hex"), randomBytes(size)]);
/** Three pieces of the client. */
const LARGE = archive(25 * MIB);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

const NETWORK_NOISE = [
  /WebSocket connection to .* failed/,
  /ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INTERNET_DISCONNECTED|NETWORK_CHANGED|SOCKET_NOT_CONNECTED)/,
];

const allowing = (chat = {}) => ({
  title: "Design review",
  features: { chat_features: { is_allow: true, is_allow_file_upload: true, ...chat } },
});

const onTheirWay = ({ page }) => page.getByRole("list", { name: "Files on their way" });

async function attach(person, name, buffer) {
  await person.showChat();
  const file = { name, mimeType: "application/octet-stream", buffer };
  await person.page.getByTestId("chat-files").setInputFiles(file);
}

/** Downloads what the line with this name leads to. */
async function fetchFile(person, name) {
  await person.showChat();
  const link = person.page.getByRole("log").getByRole("link", { name });
  await link.waitFor();
  const download = person.page
    .context()
    .waitForEvent("page", { timeout: 2_000 })
    .catch(() => null);
  const [saved] = await Promise.all([waitForDownload(person), link.click()]);
  await download;
  assert.equal(saved.suggestedFilename(), name);
  return readFile(await saved.path());
}

/** A link that opens a window downloads there. */
function waitForDownload({ context }) {
  return new Promise((resolve) => {
    const listen = (page) => page.once("download", resolve);
    context.pages().forEach(listen);
    context.on("page", listen);
  });
}

scenario("a large file goes on where its line broke, and arrives as it was", async (meeting) => {
  meeting.allowedProblems.push(...NETWORK_NOISE);
  const cutter = await meeting.withCutter();
  await meeting.server.createRoom("meeting", allowing());
  const ana = await meeting.join("Ana", { admin: true, devices: false });
  const ben = await meeting.join("Ben", { devices: false });
  const arrived = [];
  await ana.page.route(/\/api\/fileUpload/u, async (route) => {
    const request = route.request();
    const number = Number(new URL(request.url()).searchParams.get("resumableChunkNumber"));
    if (request.method() === "POST") {
      // The line breaks in the middle of the second piece, the first time.
      if (number === 2 && !arrived.includes("cut")) {
        arrived.push("cut");
        cutter.cut();
      } else arrived.push(number);
    }
    await route.continue();
  });

  await attach(ana, "plans.zip", LARGE);
  const progress = onTheirWay(ana).getByRole("progressbar", { name: "Sending plans.zip" });
  await progress.waitFor();
  await onTheirWay(ana).getByRole("alert").getByText("The server could not be reached.").waitFor();
  cutter.mend();
  await ana.reconnecting().waitFor({ state: "hidden", timeout: 60_000 });
  await onTheirWay(ana).getByRole("button", { name: "Send again" }).click();
  await progress.waitFor();
  assert.ok(Number(await progress.getAttribute("value")) > 0, "it does not begin anew");

  const bytes = await fetchFile(ben, "plans.zip");
  assert.equal(sha256(bytes), sha256(LARGE));
  assert.deepEqual(arrived, [1, "cut", 2, 3], "every piece was sent once");
  await onTheirWay(ana).waitFor({ state: "detached" });
});

scenario(
  "what a room does not take is refused in words, before it is sent",
  async (meeting) => {
    await meeting.server.createRoom("meeting", allowing({ allowed_file_types: ["txt", "pdf"] }));
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    const ben = await meeting.join("Ben", { devices: false });
    const sent = [];
    ben.page.on("request", (request) => {
      if (request.url().includes("/api/fileUpload")) sent.push(request.url());
    });

    await attach(ben, "game.exe", Buffer.from("MZ"));
    await onTheirWay(ben).getByText("This kind of file is not allowed here.").waitFor();
    await ben.button("Remove game.exe from the list").click();
    await attach(ben, "book.pdf", randomBytes(2 * MIB));
    await onTheirWay(ben).getByText("Too large: at most 1 MB.").waitFor();
    assert.deepEqual(sent, []);
    await ben.button("Remove book.pdf from the list").click();

    await attach(ben, "note.txt", Buffer.from("Good morning"));
    assert.equal((await fetchFile(ana, "note.txt")).toString(), "Good morning");
  },
  { config: "upload_file_settings:\n  max_size: 1\n" },
);

scenario(
  "a room that is full says so and keeps what it has",
  async (meeting) => {
    meeting.allowedProblems.push(/the server responded with a status of 4\d\d/);
    await meeting.server.createRoom("meeting", allowing());
    const ana = await meeting.join("Ana", { admin: true, devices: false });
    const ben = await meeting.join("Ben", { devices: false });
    const first = archive(700 * 1024);

    await attach(ana, "first.zip", first);
    await ben.showChat();
    await ben.page.getByRole("log").getByRole("link", { name: "first.zip" }).waitFor();
    await attach(ben, "second.zip", archive(700 * 1024));
    await onTheirWay(ben)
      .getByRole("alert")
      .getByText(/may keep at most 1 MB of files/u)
      .waitFor();

    assert.equal(sha256(await fetchFile(ben, "first.zip")), sha256(first));
    assert.equal(
      await ana.page.getByRole("log").getByRole("link", { name: "second.zip" }).count(),
      0,
    );
  },
  { config: "upload_file_settings:\n  max_room_size: 1\n" },
);
