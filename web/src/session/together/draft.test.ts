import { expect, test } from "vitest";
import { flush } from "../../../tests/fakes";
import { createDraft } from "./draft";

/** A question to the server that is answered by hand. */
function asking() {
  let asked = 0;
  let answer: (problem: string | null) => void = () => undefined;
  return {
    asked: () => asked,
    ask: () => {
      asked += 1;
      return new Promise<string | null>((done) => (answer = done));
    },
    answer: async (problem: string | null) => {
      answer(problem);
      await flush();
    },
  };
}

/** Choices on their way. */
function sending() {
  const question = asking();
  const draft = createDraft<string>("choices");
  draft.write("tea");
  void draft.send(question.ask);
  return { draft, ...question };
}

const NOTHING = { value: null, sending: false, problem: null };

test("what is on its way is not sent again, and is gone once it was taken", async () => {
  const { draft, ask, asked, answer } = sending();
  void draft.send(ask);
  expect(draft.getSnapshot()).toEqual({ value: "tea", sending: true, problem: null });
  expect(asked()).toBe(1);

  await answer(null);
  expect(draft.getSnapshot()).toEqual(NOTHING);
  void draft.send(ask);
  expect(asked()).toBe(1);
});

test("what was refused stays with the reason, and can be sent again", async () => {
  const { draft, ask, asked, answer } = sending();
  await answer("Full.");
  expect(draft.getSnapshot()).toEqual({ value: "tea", sending: false, problem: "Full." });

  draft.write("coffee");
  expect(draft.getSnapshot().problem).toBe("Full.");
  void draft.send(ask);
  expect(draft.getSnapshot().problem).toBeNull();
  expect(asked()).toBe(2);
});

test("what could not even be asked stays, and can be sent again", async () => {
  const draft = createDraft<string>("choices");
  draft.write("tea");
  await expect(draft.send(() => Promise.reject(new Error("gone")))).rejects.toThrow("gone");
  expect(draft.getSnapshot()).toEqual({ value: "tea", sending: false, problem: null });
});

test("choices on their way are neither changed nor given up", async () => {
  const { draft, answer } = sending();
  draft.write("coffee");
  draft.drop();
  expect(draft.getSnapshot().value).toBe("tea");

  await answer("Full.");
  draft.drop();
  expect(draft.getSnapshot()).toEqual(NOTHING);
});

test("words that are typed while others are on their way stay, and what was wrong goes", async () => {
  const { ask, answer } = asking();
  const draft = createDraft<string>("words");
  draft.write("At ten");
  void draft.send(ask);
  draft.write("At ten.");
  await answer(null);
  expect(draft.getSnapshot()).toEqual({ value: "At ten.", sending: false, problem: null });

  void draft.send(ask);
  await answer("Full.");
  draft.write("At eleven.");
  expect(draft.getSnapshot()).toEqual({ value: "At eleven.", sending: false, problem: null });
});

test("what is refused is told elsewhere only while nobody looks at the form", async () => {
  const told: string[] = [];
  const { ask, answer } = asking();
  const draft = createDraft<string>("words", (problem) => told.push(problem));
  const close = draft.subscribe(() => undefined);
  draft.write("tea");
  void draft.send(ask);
  await answer("Full.");
  expect(told).toEqual([]);

  void draft.send(ask);
  close();
  await answer("Still full.");
  expect(told).toEqual(["Still full."]);

  void draft.send(ask);
  await answer(null);
  expect(told).toHaveLength(1);
});
