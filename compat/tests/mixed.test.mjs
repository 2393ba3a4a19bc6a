// A meeting of both kinds: our own client in a browser, and members that say exactly what the original client says
// (meeting-protocol.md sections 6 to 8, 11, 14 and 15). What only ours can do must not stand in the other's way.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach } from "node:test";

import { fromMore, startPoll } from "../../e2e/lib/activities.mjs";
import { until } from "../../e2e/lib/until.mjs";
import { closeBrowser, World } from "../../e2e/lib/world.mjs";
import { withServer } from "../lib/meeting.mjs";
import { Member } from "../lib/member.mjs";
import test, { witness } from "../lib/test.mjs";
import { decode, encode, enumValue, fromLooseJson, fromStrictJson } from "../lib/wire.mjs";

const scene = withServer();
const FEATURES = {
  features: {
    polls_features: { is_allow: true },
    breakout_room_features: { is_allow: true, allowed_number_rooms: 6 },
  },
};
/** The highest data message the original client knows (section 8). */
const LAST_KNOWN = 24;

let world;
witness(() => ({ pages: world?.people }));

function ours(name, room, options) {
  world ??= new World(scene.server);
  return world.join(name, { room, devices: false, ...options });
}

afterEach(async () => {
  const meeting = world;
  world = undefined;
  await Promise.allSettled(meeting?.people.map((person) => person.context.close()) ?? []);
  meeting?.checkManners();
});
after(closeBrowser);

async function call(member, path, ...rest) {
  const said = await member.call(path, ...rest);
  assert.equal(said.http, 200);
  assert.equal(said.status, true, said.msg);
  return said;
}

/** A data message to everybody. */
function tellAll(member, type, message) {
  const payload = encode("DataChannelMessage", {
    id: crypto.randomUUID(),
    type: enumValue("DataMsgBodyType", type),
    fromUserId: member.id,
    message,
  });
  const subject = `${member.admission.natsSubjects.dataChannel}.${member.room}`;
  member.nc.publish(subject, payload);
}

/** A reaction as the original client sends it. */
function react(member) {
  const { id } = member;
  const reaction = { id: "1", emoji: "🎉", fromUserId: id, fromName: id, createdAt: Date.now() };
  tellAll(member, "REACTION", JSON.stringify(reaction));
}

/** A message to one person, as the original client addresses it. */
function tellOne(member, to, type, bin) {
  const msg = JSON.stringify({ toUserId: to, type });
  return member.send("REQ_PRIVATE_DATA_DELIVERY", { msg, bin });
}

/** What came for one person, of one kind. */
const privately = (member, type) =>
  member.events.filter(
    ({ event, msg }) =>
      event === "DELIVERY_PRIVATE_DATA" &&
      fromStrictJson("PrivateDataDelivery", msg).type ===
        enumValue("PrivateDataDeliveryType", type),
  );

const heard = (member, words) =>
  until(`${member.id} to hear "${words}"`, () =>
    member.chat.find(({ message }) => message.includes(words)),
  );

/** The history as a late joiner of the original client gets it: from somebody who was there. */
async function history(member, donor) {
  await member.askHistory(donor);
  const answer = await until("the history", () =>
    privately(member, "DATA_MSG")
      .map(({ bin }) => decode("DataChannelMessage", bin))
      .find(({ type }) => type === enumValue("DataMsgBodyType", "RES_PUBLIC_CHAT_DATA")),
  );
  return JSON.parse(answer.message).map((line) =>
    fromStrictJson("ChatMessage", JSON.stringify(line)),
  );
}

test("both kinds of clients write to everybody and to each other alone", async () => {
  const room = await scene.room(FEATURES);
  const sam = await scene.inside(room, "sam");
  const ana = await ours("Ana", room, { admin: true });

  await sam.say("<p>Good morning from afar</p>");
  await ana.reads("Good morning from afar");
  await ana.write("Good morning back");
  const line = await heard(sam, "Good morning back");
  assert.deepEqual(
    [line.fromUserId, line.fromName, line.fromAdmin, line.isPrivate],
    ["ana", "Ana", true, false],
  );

  await ana.write("For you alone", { to: "sam" });
  const [delivery] = await until("the private line", () => {
    const lines = privately(sam, "CHAT");
    return lines.length > 0 && lines;
  });
  const secret = decode("ChatMessage", delivery.bin);
  assert.ok(secret.message.includes("For you alone"));
  assert.deepEqual([secret.isPrivate, secret.toUserId, secret.fromUserId], [true, "sam", "ana"]);
  const answer = {
    id: crypto.randomUUID(),
    fromName: "sam",
    fromUserId: "sam",
    toUserId: "ana",
    sentAt: BigInt(Date.now()),
    isPrivate: true,
    message: "<p>I shall tell nobody</p>",
  };
  await tellOne(sam, "ana", "CHAT", encode("ChatMessage", answer));
  await ana.reads("I shall tell nobody", { from: "sam" });

  const tom = await scene.inside(room, "tom");
  const before = await history(tom, "sam");
  assert.deepEqual(
    before.map(({ fromUserId }) => fromUserId),
    ["sam", "ana"],
  );
  assert.equal(tom.chat.length, 0);
});

test("replies, signs, edits and removals are plain lines, or nothing, for the original client", async () => {
  const room = await scene.room(FEATURES);
  const sam = await scene.inside(room, "sam");
  const ana = await ours("Ana", room, { admin: true });
  const choose = async (text, choice) => {
    const line = ana.page.locator(".message").filter({ hasText: text }).first();
    await line.hover();
    await line.getByRole("button", { name: /^Actions for the message/ }).click();
    await ana.page.getByRole("menuitem", { name: choice, exact: true }).click();
  };
  const box = ana.page.getByRole("textbox", { name: "Message", exact: true });

  await sam.say("<p>Shall we start?</p>");
  await ana.reads("Shall we start?");
  await choose("Shall we start?", "Reply");
  await box.fill("At ten");
  await box.press("Enter");
  const reply = await heard(sam, "At ten");
  assert.deepEqual([reply.isPrivate, reply.fromUserId], [false, "ana"]);

  const known = sam.chat.length;
  await choose("Shall we start?", "Thumbs up");
  await choose("At ten", "Edit");
  await box.fill("At eleven");
  await box.press("Enter");
  await ana.write("A slip of the pen");
  await heard(sam, "A slip of the pen");
  await choose("A slip of the pen", "Delete");
  await ana.page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await ana.page.getByText("This message was deleted.").waitFor();

  // Whatever told ours of that is of a kind that the original client does not know, and no line of chat.
  const strange = await until("word of three changes", () => {
    const unknown = sam.data.filter(({ type }) => type > LAST_KNOWN);
    return unknown.length >= 3 && unknown;
  });
  assert.ok(strange.every(({ fromUserId }) => fromUserId !== "sam"));
  assert.equal(sam.chat.length, known + 1, "only the new line");
  await sam.say("<p>Still here</p>");
  await ana.reads("Still here");

  const tom = await scene.inside(room, "tom");
  const texts = (await history(tom, "ana")).map(({ message }) => message.replace(/<[^>]*>/gu, ""));
  assert.deepEqual(texts, ["Shall we start?", "At eleven", "Still here"]);
});

test("reactions and raised hands go both ways", async () => {
  const room = await scene.room(FEATURES);
  const sam = await scene.inside(room, "sam");
  const ana = await ours("Ana", room, { admin: true });
  await ana.sees("sam");

  react(sam);
  await ana.page.getByRole("list", { name: "React" }).getByText("sam").waitFor();
  await ana.tool("React").click();
  await ana.button("Applause").click();
  await ana.page.keyboard.press("Escape");
  const said = await until("the reaction", () =>
    sam.data.find(({ type }) => type === enumValue("DataMsgBodyType", "REACTION")),
  );
  const { emoji, fromUserId, fromName } = JSON.parse(said.message);
  assert.deepEqual([emoji, fromUserId, fromName], ["👏", "ana", "Ana"]);

  const handOf = (id, isRaised) => ({
    where: ({ msg }) => {
      const { userId, metadata } = fromLooseJson("NatsUserMetadataUpdate", msg);
      return (
        userId === id &&
        (fromStrictJson("UserMetadata", metadata).raisedHand?.isRaised ?? false) === isRaised
      );
    },
  });
  await sam.send("REQ_RAISE_HAND", { msg: "sam raised hand" });
  await ana.seesHandOf("sam", { raised: true });
  await ana.does("sam", "Lower hand");
  await sam.event("USER_METADATA_UPDATE", handOf("sam", false));
  await ana.seesHandOf("sam", { raised: false });
  await ana.raiseHand();
  await sam.event("USER_METADATA_UPDATE", handOf("ana", true));
  await ana.lowerHand();
  await sam.event("USER_METADATA_UPDATE", {
    after: sam.events.findIndex(
      ({ event, msg }) => event === "USER_METADATA_UPDATE" && handOf("ana", true).where({ msg }),
    ),
    ...handOf("ana", false),
  });
});

test("where attendees do not see each other, both kinds see reactions and not whose they are", async () => {
  const room = await scene.room({
    features: { ...FEATURES.features, allow_view_other_users_list: false },
  });
  const ana = await ours("Ana", room, { admin: true });
  const ben = await ours("Ben", room);
  const sam = await scene.inside(room, "sam");
  await ana.sees("sam");
  const list = (person) => person.page.getByRole("list", { name: "React" });

  react(sam);
  const [known, nameless] = await Promise.all([
    list(ana).getByRole("listitem").first().innerText(),
    list(ben).getByRole("listitem").first().innerText(),
  ]);
  assert.match(known, /sam/);
  assert.doesNotMatch(nameless, /sam/);

  await ben.tool("React").click();
  await ben.button("Applause").click();
  const heard = () =>
    sam.data.filter(({ type }) => type === enumValue("DataMsgBodyType", "REACTION"));
  const said = await until("the reaction", () => heard()[0]);
  const { emoji, fromUserId, fromName } = JSON.parse(said.message);
  assert.deepEqual([said.fromUserId, emoji, fromUserId, fromName], ["system", "👏", "", ""]);
  await list(ana).getByText("Ben").waitFor();
});

test("a poll of either kind is answered by both", async () => {
  const room = await scene.room(FEATURES);
  const mo = await scene.inside(room, "mo", { admin: true });
  const sam = await scene.inside(room, "sam");
  const ana = await ours("Ana", room, { admin: true });

  await startPoll(ana, "Which colour?", ["Green", "Blue"]);
  const pollId = (await sam.event("POLL_CREATED")).msg;
  const vote = { roomId: room, userId: "sam", name: "sam", pollId, selectedOption: 2n };
  await call(sam, "polls/submitResponse", "PollResponse", "SubmitPollResponseReq", vote);
  tellAll(sam, "NEW_POLL_RESPONSE", pollId);
  const seen = ana.page.getByRole("article", { name: "Which colour?" });
  await seen.getByText("1 · 100 %").waitFor();
  await seen.getByRole("button", { name: "Close" }).click();
  assert.equal((await sam.event("POLL_CLOSED")).msg, pollId);
  const result = await call(sam, `polls/pollResponsesResult/${pollId}`, "PollResponse");
  assert.equal(result.pollResponsesResult.options[1].voteCount, 1n);

  const made = await call(mo, "polls/create", "PollResponse", "CreatePollReq", {
    roomId: room,
    userId: "mo",
    question: "Where to?",
    options: [
      { id: 1, text: "north" },
      { id: 2, text: "south" },
    ],
  });
  const asked = ana.page.getByRole("article", { name: "Where to?" });
  await asked.getByRole("radio", { name: "north" }).check();
  await asked.getByRole("button", { name: "Vote" }).click();
  await asked.getByText("You have voted.").waitFor();
  const told = await until("word of the vote", () =>
    mo.data.find(({ message }) => message === made.pollId),
  );
  assert.equal(told.type, enumValue("DataMsgBodyType", "NEW_POLL_RESPONSE"));
  const { responses } = await call(mo, `polls/pollResponsesDetails/${made.pollId}`, "PollResponse");
  assert.deepEqual(JSON.parse(responses.all_respondents), ["ana:1:Ana"]);
  await call(mo, "polls/closePoll", "PollResponse", "ClosePollReq", {
    roomId: room,
    userId: "mo",
    pollId: made.pollId,
  });
  await asked.getByText("Closed").first().waitFor();
});

test("votes of the original client are in the table that hosts save", async () => {
  const room = await scene.room(FEATURES);
  const mo = await scene.inside(room, "mo", { admin: true });
  const sam = await scene.inside(room, "sam");
  const ana = await ours("Ana", room, { admin: true });

  await startPoll(ana, "Which colour?", ["Green", "Blue"]);
  const pollId = (await sam.event("POLL_CREATED")).msg;
  const vote = (id, option) => ({
    roomId: room,
    userId: id,
    name: id,
    pollId,
    selectedOption: option,
  });
  await call(sam, "polls/submitResponse", "PollResponse", "SubmitPollResponseReq", vote("sam", 2n));
  await call(mo, "polls/submitResponse", "PollResponse", "SubmitPollResponseReq", vote("mo", 1n));
  tellAll(mo, "NEW_POLL_RESPONSE", pollId);
  const seen = ana.page.getByRole("article", { name: "Which colour?" });
  await seen.getByText("2 answers", { exact: true }).waitFor();

  const saving = ana.page.waitForEvent("download");
  await seen.getByRole("button", { name: "Save as CSV" }).click();
  const table = await readFile(await (await saving).path(), "utf8");
  const rows = table
    .replace(/^\ufeff/u, "")
    .trim()
    .split("\r\n");
  for (const [name, choice] of [
    ["sam", "Blue"],
    ["mo", "Green"],
  ]) {
    assert.ok(
      rows.some((row) => row.includes(name) && row.includes(choice)),
      `${name} chose ${choice}:\n${table}`,
    );
  }
});

test("a meeting put at rest is locked for the original client as well, which may open it again", async () => {
  const room = await scene.room({
    features: { ...FEATURES.features, waiting_room_features: { is_active: false } },
    metadata: { default_lock_settings: { lock_screen_sharing: false } },
  });
  const mo = await scene.inside(room, "mo", { admin: true });
  const sam = await scene.inside(room, "sam");
  const ana = await ours("Ana", room, { admin: true });
  await ana.sees("sam");
  const roomOf = (member) =>
    fromLooseJson(
      "RoomMetadata",
      member.events.findLast(({ event }) => event === "ROOM_METADATA_UPDATE")?.msg ?? "{}",
    );
  const locksOf = (member) => {
    const { msg } = member.events.findLast(
      (told) =>
        told.event === "USER_METADATA_UPDATE" &&
        fromLooseJson("NatsUserMetadataUpdate", told.msg).userId === "sam",
    );
    const { metadata } = fromLooseJson("NatsUserMetadataUpdate", msg);
    return fromStrictJson("UserMetadata", metadata).lockSettings;
  };
  const press = async (what) => {
    await ana.tool("Host").click();
    await ana.page.getByRole("menuitem", { name: what }).click();
  };

  await press("Quiet everything now");
  await ana.button("Put back as it was").waitFor();
  await until("the locks to be told", () => roomOf(sam).defaultLockSettings?.lockChat);
  const resting = roomOf(sam);
  assert.deepEqual(
    [
      resting.defaultLockSettings.lockScreenSharing,
      resting.roomFeatures.waitingRoomFeatures.isActive,
    ],
    [true, true],
  );
  await until("sam's own locks", () => locksOf(sam).lockChat);
  assert.deepEqual([locksOf(sam).lockScreenSharing, locksOf(sam).lockMicrophone], [true, true]);
  assert.deepEqual(roomOf(mo).defaultLockSettings, resting.defaultLockSettings);
  await sam.say("<p>shouting</p>");
  await mo.say("<p>One moment, everybody</p>");
  await ana.reads("One moment, everybody");
  assert.equal(await ana.countLines("shouting"), 0);
  await sam.event("SYSTEM_NOTIFICATION");

  // A moderator with the original client opens the chat with the original's own switch.
  const { roomSid } = fromLooseJson(
    "NatsInitialData",
    mo.events.find(({ event }) => event === "RES_INITIAL_DATA").msg,
  ).room;
  await call(mo, "updateLockSettings", "CommonResponse", "UpdateUserLockSettingsReq", {
    roomSid,
    roomId: room,
    userId: "all",
    service: "chat",
    direction: "unlock",
  });
  await sam.say("<p>Calmer now</p>");
  await ana.reads("Calmer now");

  await ana.button("Put back as it was").first().click();
  await until("the meeting to be as it was", () => {
    const { defaultLockSettings, roomFeatures } = roomOf(sam);
    return (
      !defaultLockSettings.lockChat &&
      !defaultLockSettings.lockScreenSharing &&
      !roomFeatures.waitingRoomFeatures.isActive
    );
  });
  await until("sam to be free again", () => !locksOf(sam).lockChat && !locksOf(sam).lockMicrophone);
  await sam.say("<p>As before</p>");
  await ana.reads("As before");
});

test("a breakout room is opened by either kind and entered by the other", async () => {
  const room = await scene.room({ title: "Design review", ...FEATURES });
  const sam = await scene.inside(room, "sam");
  const mo = await scene.inside(room, "mo", { admin: true });
  const ana = await ours("Ana", room, { admin: true });
  const ben = await ours("Ben", room);
  for (const name of ["sam", "Ben"]) await ana.sees(name);

  await fromMore(ana, "Breakout rooms");
  await ana.button("Create breakout rooms").click();
  await ana.page.getByRole("combobox", { name: "sam" }).selectOption("Room 1");
  await ana.page.getByRole("combobox", { name: "Ben" }).selectOption("Room 2");
  await ana.button("Open the rooms").click();
  const invitation = (await sam.event("JOIN_BREAKOUT_ROOM")).msg;
  const inside = await enterBreakout(sam, room, invitation);
  try {
    const first = ana.page.getByRole("article", { name: "Room 1" });
    await first.getByText("1 of 1 are there").waitFor();
    await ana.page.getByRole("textbox", { name: "Write to all rooms" }).fill("Two minutes");
    await ana.page.getByRole("textbox", { name: "Write to all rooms" }).press("Enter");
    assert.equal((await inside.event("SYSTEM_CHAT_MSG")).msg, "Two minutes");
    await ana.button("End all rooms").click();
    await inside.event("SESSION_ENDED");
    await sam.event("BREAKOUT_ROOM_ENDED");
  } finally {
    await inside.leave();
  }
  await ana.page.getByRole("article", { name: "Room 1" }).waitFor({ state: "detached" });

  const wish = { id: "9", title: "Room 9", users: [{ id: "ben", name: "Ben", joined: false }] };
  await call(mo, "breakoutRoom/create", "BreakoutRoomRes", "CreateBreakoutRoomsReq", {
    roomId: room,
    requestedUserId: "mo",
    duration: 15n,
    rooms: [wish],
  });
  await ben.page.getByRole("button", { name: "Join", exact: true }).last().click();
  const banner = ben.page.getByRole("region", { name: "You are in a breakout room." });
  await banner.waitFor();
  await ben.settled();
  const joined = await until("the original client's list to say so", async () => {
    const { rooms } = await call(mo, "breakoutRoom/listRooms", "BreakoutRoomRes");
    return rooms[0].users[0].joined;
  });
  assert.equal(joined, true);
  await call(mo, "breakoutRoom/endAllRooms", "BreakoutRoomRes", "EndBreakoutRoomReq", {
    roomId: room,
  });
  await banner.waitFor({ state: "detached" });
  await ben.page.getByRole("heading", { name: "Design review" }).waitFor();
});

async function enterBreakout(member, room, breakoutRoomId) {
  const join = { breakoutRoomId, userId: member.id, roomId: room, isAdmin: false };
  const { token } = await call(
    member,
    "breakoutRoom/join",
    "BreakoutRoomRes",
    "JoinBreakoutRoomReq",
    join,
  );
  const inside = await Member.enter({ origin: scene.server.origin, token });
  await inside.ask("REQ_INITIAL_DATA", "RES_INITIAL_DATA");
  await inside.goIn();
  return inside;
}
