// Meetings with a cheat in them: somebody with a valid token and a client of their own making, and people who notice nothing.
import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";

import { until } from "../../e2e/lib/until.mjs";
import { decode, encode, enumValue, fromLooseJson, fromStrictJson } from "./wire.mjs";

/** What everybody gets all the time and what says nothing of a cheat. */
const ORDINARY = ["PONG"];

/** Ana moderates, eva attends and hears everything, mallory cheats. */
export async function meeting(scene, options) {
  const room = await scene.room(options);
  const ana = await scene.inside(room, "ana", { admin: true });
  const eva = await scene.inside(room, "eva");
  const mallory = await scene.inside(room, "mallory");
  for (const [member, other] of [
    [ana, "eva"],
    [ana, "mallory"],
    [eva, "mallory"],
  ]) {
    await member.event("USER_JOINED", { where: ({ msg }) => msg.includes(`"${other}"`) });
  }
  for (const member of [ana, eva, mallory]) listenToBoard(member);
  await Promise.all([ana, eva, mallory].map((member) => member.nc.flush()));
  const initial = mallory.events.find(({ event }) => event === "RES_INITIAL_DATA");
  const { roomSid } = fromLooseJson("NatsInitialData", initial.msg).room;
  return { scene, room, sid: roomSid, ana, eva, mallory };
}

function listenToBoard(member) {
  member.board = [];
  member.nc.subscribe(`${member.admission.natsSubjects.whiteboard}.${member.room}`, {
    callback: (error, message) => error ?? member.board.push(message.data),
  });
}

/**
 * Does what must not work. Afterwards the others have heard nothing of it, or exactly the events that `heard` allows, and
 * the meeting goes on for everybody: for who cheated as well, unless that is what it cost them.
 */
export async function fails({ ana, eva, mallory }, cheat, { heard = [], survives = true } = {}) {
  const others = [ana, eva];
  const before = others.map(counts);
  const answer = await cheat();
  if (survives) await mallory.ask("PING", "PONG");
  await stillTalk(ana, eva);
  for (const [at, member] of others.entries()) {
    const { events, chat, data, board } = before[at];
    const unusual = member.events.slice(events).map(({ event }) => event);
    const unexpected = unusual.filter((event) => ![...ORDINARY, ...heard].includes(event));
    assert.deepEqual(unexpected, [], `${member.id} is told nothing`);
    const lines = member.chat.slice(chat).filter(({ fromUserId }) => fromUserId === "mallory");
    assert.deepEqual([lines, member.data.slice(data)], [[], []], `${member.id} hears nothing`);
    assert.equal(member.board.length, board, `${member.id} sees nothing`);
  }
  if (!survives) return answer;
  assert.equal(mallory.nc.isClosed(), false, "the connection stays");
  const word = `honest ${randomUUID()}`;
  await mallory.say(word);
  await hears(eva, word);
  return answer;
}

const counts = ({ events, chat, data, board }) => ({
  events: events.length,
  chat: chat.length,
  data: data.length,
  board: board.length,
});

export const hears = (member, word) =>
  until(`${member.id} to hear "${word}"`, () =>
    member.chat.some(({ message }) => message === word),
  );

/** Two who have nothing to do with it talk to each other and to the server. */
export async function stillTalk(one, other) {
  const word = `undisturbed ${randomUUID()}`;
  await one.say(word);
  await hears(other, word);
  await other.say(`${word}!`);
  await hears(one, `${word}!`);
  await Promise.all([one.ask("PING", "PONG"), other.ask("PING", "PONG")]);
}

/** An encoded data message. */
export function dataMessage(from, type, fields = {}) {
  return encode("DataChannelMessage", {
    id: randomUUID(),
    type: typeof type === "number" ? type : enumValue("DataMsgBodyType", type),
    fromUserId: from,
    ...fields,
  });
}

/** Publishes bytes on one of the open subjects. */
export function publish(member, subject, bytes, options) {
  member.nc.publish(`${member.admission.natsSubjects[subject]}.${member.room}`, bytes, options);
}

/** Hands something to one person. */
export function privately(member, toUserId, type, bin, fields = {}) {
  const msg = JSON.stringify({ to_user_id: toUserId, echo_to_sender: false, type, ...fields });
  return member.send("REQ_PRIVATE_DATA_DELIVERY", { msg, bin });
}

/** An encoded line of chat to one person. */
export const whisper = (from, toUserId, message, fields = {}) =>
  encode("ChatMessage", {
    id: randomUUID(),
    fromName: from,
    fromUserId: from,
    toUserId,
    isPrivate: true,
    sentAt: BigInt(Date.now()),
    message,
    ...fields,
  });

/** What was handed to a member alone. */
export const handed = (member) =>
  member.events.filter(({ event }) => event === "DELIVERY_PRIVATE_DATA");

/** A call below `/api`; without a type it is a `GET`. */
export async function call(scene, token, path, answerType, type, fields) {
  const answer = await fetch(`${scene.server.origin}/api/${path}`, {
    method: type ? "POST" : "GET",
    headers: { "Content-Type": "application/protobuf", Authorization: token },
    body: type && encode(type, fields),
  });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return { http: answer.status, ...decode(answer.ok ? answerType : "CommonResponse", bytes) };
}

/** A call that moderators make and that must succeed. */
export async function moderate(scene, member, path, type, fields) {
  const answer = await call(scene, member.token, path, "CommonResponse", type, fields);
  assert.equal(answer.status, true, `${path}: ${answer.msg}`);
}

/** What somebody's metadata says, as a member was last told. */
export const metadataOf = (member, user) => {
  const updates = member.events
    .filter(({ event }) => event === "USER_METADATA_UPDATE")
    .map(({ msg }) => fromLooseJson("NatsUserMetadataUpdate", msg))
    .filter(({ userId }) => userId === user);
  return updates.length ? fromStrictJson("UserMetadata", updates.at(-1).metadata) : undefined;
};

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

export const claimsOf = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));

/** The token with other claims, signed anew with a secret. */
export function forge(token, change, secret) {
  const claims = claimsOf(token);
  change(claims);
  const text = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}
