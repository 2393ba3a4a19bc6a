import "../../../tests/bare-page";
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, expect, test, vi } from "vitest";
import {
  ANA,
  BEN,
  commonAnswer,
  createFakeServer,
  flush,
  type FakeServer,
} from "../../../tests/fakes";
import { begun } from "../../../tests/together";
import {
  PollResponseSchema,
  SubmitPollResponseReqSchema,
} from "../../wire/gen/plugnmeet/features_pb";
import { NatsMsgServerToClientEvents as Event } from "../../wire/gen/plugnmeet/messaging_pb";
import { openPolls } from "./polls";

const answer = (w: MessageInitShape<typeof PollResponseSchema>) =>
  toBinary(PollResponseSchema, create(PollResponseSchema, { status: true, msg: "success", ...w }));

let server: FakeServer | null = null;

afterEach(() => {
  server?.session.dispose();
  vi.useRealTimers();
});

async function withPoll(me = ANA, running = true) {
  vi.useFakeTimers();
  const now = createFakeServer();
  server = now;
  now.answer = (path) => {
    if (path === "polls/listPolls") {
      const options = [
        { id: 1, text: "Yes" },
        { id: 2, text: "No" },
      ];
      return answer({ polls: [{ id: "p1", question: "Well?", options, isRunning: running }] });
    }
    if (path.startsWith("polls/pollResponsesResult")) {
      const options = [{ id: 1n, text: "Yes", voteCount: 3n }];
      return answer({ pollResponsesResult: { question: "Well?", totalResponses: 3n, options } });
    }
    return answer({ voted: 0n });
  };
  await now.enter([me, me === ANA ? BEN : ANA], {
    room_features: { polls_features: { is_allow: true, is_active: true } },
  });
  const { polls } = begun(now.session);
  await flush();
  return { now, polls };
}

test("a host sees the counts of a running poll, and what waits for an answer is counted", async () => {
  const { polls } = await withPoll();
  expect(openPolls(polls.getSnapshot())).toBe(1);
  expect(polls.getSnapshot().results.get("p1")?.counts.get(1)).toBe(3);
});

test("a vote names its options and is told to the others", async () => {
  const { now, polls } = await withPoll();
  const [poll] = polls.getSnapshot().polls;
  if (!poll) throw new Error("no poll");

  expect(await polls.vote(poll, [2])).toEqual({ ok: true, reason: "" });
  const sent = now.asked.find(({ path }) => path === "polls/submitResponse")?.body;
  const req = fromBinary(SubmitPollResponseReqSchema, sent ?? new Uint8Array());
  expect([req.pollId, req.selectedOption, req.selectedOptions]).toEqual(["p1", 2n, [2n]]);
  expect(now.data.at(-1)?.message).toBe("p1");
  expect(openPolls(polls.getSnapshot())).toBe(0);
});

test("many votes at once cost one look at the counts", async () => {
  const { now } = await withPoll();
  const looks = () => now.asked.filter(({ path }) => path === "polls/listPolls").length;
  const before = looks();
  for (let vote = 0; vote < 20; vote += 1) {
    now.tellAll({ id: "d", type: 6, fromUserId: "system", message: "p1" });
  }
  await vi.advanceTimersByTimeAsync(1_000);
  expect(looks()).toBe(before + 1);
});

test("a new poll is announced with a way to it", async () => {
  const { now } = await withPoll();
  now.emit(Event.POLL_CREATED, "p1");
  const [notice] = now.session.notices.getSnapshot();
  expect(notice?.text).toEqual({ key: "polls.isNew" });
  expect(notice?.action?.key).toBe("polls.show");
});

test("the server's table comes as it is, and its refusal in its words", async () => {
  const { now, polls } = await withPoll();
  const [poll] = polls.getSnapshot().polls;
  if (!poll) throw new Error("no poll");
  const table = new TextEncoder().encode("\uFEFFpoll_id,question\r\n");
  now.answer = () => table;

  expect(await polls.csv(poll)).toEqual(table);
  expect(await polls.csv(null)).toEqual(table);
  expect(now.asked.slice(-2).map(({ path }) => path)).toEqual([
    "plenum/polls/csv/p1",
    "plenum/polls/csv",
  ]);
  now.answer = () => commonAnswer(false, "poll not found");
  await expect(polls.csv(poll)).rejects.toThrow("poll not found");
});
